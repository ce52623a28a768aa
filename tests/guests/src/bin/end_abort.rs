//! `end_abort`: aborts without a word.

fn main() {
    std::process::abort();
}
