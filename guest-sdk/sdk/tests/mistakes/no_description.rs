/// What to do.
#[derive(stepwell::Params)]
struct Input {
    level: String,
    /// How many.
    most: usize,
    files: Vec<String>,
}

/// What was done.
#[derive(stepwell::Results)]
struct Output {
    count: usize,
}

fn main() {}
