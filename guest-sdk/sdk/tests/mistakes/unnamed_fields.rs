/// What was done.
#[derive(stepwell::Results)]
struct Output(String);

/// What to do.
#[derive(stepwell::Params)]
enum Input {
    Nothing,
}

fn main() {}
