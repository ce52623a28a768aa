//! `net_http_post AUTHORITY LENGTHS BYTES`: posts so many bytes, under one `content-length` for each word of LENGTHS, and prints the answer.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::http::Ask;

fn main() {
    let [authority, lengths, bytes] = args();
    let mut ask = Ask::new("http", &authority, "/");
    for length in lengths.split_whitespace() {
        ask.headers
            .push(("content-length".to_owned(), length.to_owned()));
    }
    let bytes = usize::try_from(number(&bytes)).unwrap_or(usize::MAX);
    ask.body = Some("x".repeat(bytes));
    match ask.send() {
        Ok(answer) => println!("ok {answer}"),
        Err(error) => println!("err {error}"),
    }
}
