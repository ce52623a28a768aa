//! `net_http_wait AUTHORITY NANOSECONDS`: asks with this time-out for everything that has one, and prints the answer.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::http::Ask;

fn main() {
    let [authority, patience] = args();
    let mut ask = Ask::new("http", &authority, "/");
    ask.patience = [Some(number(&patience)); 3];
    match ask.send() {
        Ok(answer) => println!("ok {answer}"),
        Err(error) => println!("err {error}"),
    }
}
