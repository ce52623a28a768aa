/// What to do.
#[derive(stepwell::Params)]
struct Input {
    /// How loud.
    level: String,
    /// How loud, again.
    #[param(name = "Level")]
    other: String,
}

fn main() {}
