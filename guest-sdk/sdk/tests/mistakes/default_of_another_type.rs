/// What to do.
#[derive(stepwell::Params)]
struct Input {
    /// How many.
    #[param(default = "many")]
    most: usize,
}

fn main() {}
