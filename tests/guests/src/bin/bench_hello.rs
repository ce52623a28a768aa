//! `bench_hello`: prints one line; what rows 1 and 2 of the benchmark run.

fn main() {
    println!("hello from a step");
}
