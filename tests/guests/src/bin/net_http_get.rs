//! `net_http_get SCHEME AUTHORITY PATH HEADER`: asks for a path, with one header (`name: value`, or nothing), and prints the answer.

use stepwell_test_guests::args;
use stepwell_test_wasi::http::Ask;

fn main() {
    let [scheme, authority, path, header] = args();
    let mut ask = Ask::new(&scheme, &authority, &path);
    if let Some((name, value)) = header.split_once(": ") {
        ask.headers.push((name.to_owned(), value.to_owned()));
    }
    match ask.send() {
        Ok(answer) => println!("ok {answer}"),
        Err(error) => println!("err {error}"),
    }
}
