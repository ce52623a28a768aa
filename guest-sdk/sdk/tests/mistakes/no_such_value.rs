/// Not a value.
struct Level;

/// What to do.
#[derive(stepwell::Params)]
struct Input {
    /// How loud.
    level: Level,
}

fn main() {}
