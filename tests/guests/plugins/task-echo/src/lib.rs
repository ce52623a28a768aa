//! Hands each param back as the result of the same name, and prints what became of it: `ok NAME`, or `err NAME: why`.
//! First it prints the attempt and the workspaces.

use stepwell::{
    Description, Failure, Invocation, ParamDecl, ParamType, ResultDecl, Task, WorkspaceDecl,
};

struct Echo;

impl Task for Echo {
    fn describe() -> Description {
        Description {
            params: vec![
                ParamDecl::with_default("text", "nothing", "One string."),
                ParamDecl::with_default(
                    "list",
                    vec!["a".to_owned(), "b".to_owned()],
                    "Some strings.",
                ),
                ParamDecl::new("map", ParamType::Object, "Strings by name."),
            ],
            workspaces: vec![WorkspaceDecl {
                optional: true,
                ..WorkspaceDecl::read_only("source", "A folder, so that its path can be printed.")
            }],
            results: vec![
                ResultDecl::new("text", ParamType::String, "The param `text`."),
                ResultDecl::new("list", ParamType::Array, "The param `list`."),
                ResultDecl::new("map", ParamType::Object, "The param `map`."),
            ],
            ..Description::new("task-echo", "0.1.0", "Hands its params back as results.")
        }
    }

    fn run(invocation: Invocation) -> Result<(), Failure> {
        println!("attempt {}", invocation.attempt);
        for (name, path) in &invocation.workspaces {
            println!("workspace {name} {}", path.display());
        }
        for (name, value) in invocation.params {
            match stepwell::emit(&name, value) {
                Ok(()) => println!("ok {name}"),
                Err(error) => println!("err {name}: {error}"),
            }
        }
        Ok(())
    }
}

stepwell::export!(Echo);
