//! Describes everything there is to describe, capabilities that it wants included, and does nothing.

use stepwell::{
    Capability, CapabilityWant, Description, Failure, Invocation, ParamDecl, ParamType, ParamValue,
    ResultDecl, Task, WorkspaceDecl,
};

struct Wants;

impl Task for Wants {
    fn describe() -> Description {
        Description {
            params: vec![
                ParamDecl::new("level", ParamType::String, "How strict to be."),
                ParamDecl::with_default("paths", vec![".".to_owned()], "Where to look."),
                ParamDecl {
                    properties: vec!["name".to_owned(), "mail".to_owned()],
                    ..ParamDecl::with_default(
                        "owner",
                        ParamValue::Object(vec![
                            ("name".to_owned(), "nobody".to_owned()),
                            ("mail".to_owned(), "nobody@example.org".to_owned()),
                        ]),
                        "Whom to tell.",
                    )
                },
            ],
            workspaces: vec![
                WorkspaceDecl::read_only("source", "What is looked at."),
                WorkspaceDecl {
                    optional: true,
                    ..WorkspaceDecl::writable("cache", "What is kept for the next time.")
                },
            ],
            results: vec![
                ResultDecl::new("verdict", ParamType::String, "Yes or no."),
                ResultDecl::new("findings", ParamType::Array, "What was found."),
                ResultDecl {
                    properties: vec!["errors".to_owned(), "warnings".to_owned()],
                    ..ResultDecl::new("counts", ParamType::Object, "How many of each.")
                },
            ],
            capabilities: vec![
                CapabilityWant {
                    capability: Capability::RealClock,
                    reason: "To say how old a finding is.".to_owned(),
                },
                CapabilityWant {
                    capability: Capability::RealRandom,
                    reason: "To look at a sample.".to_owned(),
                },
                CapabilityWant {
                    capability: Capability::Network("rules.example.org:443".to_owned()),
                    reason: "To fetch the newest rules.".to_owned(),
                },
            ],
            ..Description::new(
                "task-wants",
                "1.2.3",
                "Describes everything there is to describe.\n\nAnd does *nothing*.",
            )
        }
    }

    fn run(_: Invocation) -> Result<(), Failure> {
        Ok(())
    }
}

stepwell::export!(Wants);
