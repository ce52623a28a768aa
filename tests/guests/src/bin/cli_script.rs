//! `cli_script FILE …`: an interpreter: prints the script that it is handed, and the arguments after it, one a line.

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let script = args.next().expect("a script");
    print!("{}", std::fs::read_to_string(script)?);
    for arg in args {
        println!("arg {arg}");
    }
    Ok(())
}
