//! `net_http_flood COUNT`: makes so many headers, and prints whether it was let.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::wasi::http::types::Fields;

fn main() {
    let [count] = args();
    let fields = Fields::new();
    for number in 0..number(&count) {
        if let Err(error) = fields.append(&format!("x-{number}"), b"1") {
            println!("err {error:?}");
            return;
        }
    }
    println!("ok {}", fields.entries().len());
}
