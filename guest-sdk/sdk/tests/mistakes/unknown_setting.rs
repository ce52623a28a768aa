/// What to do.
#[derive(stepwell::Params)]
struct Input {
    /// How loud.
    #[param(defualt = "warn")]
    level: String,
}

fn main() {}
