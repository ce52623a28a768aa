//! `net_lookup NAME`: looks a name up, and prints how many addresses it has.

use stepwell_test_guests::args;
use stepwell_test_wasi::wasi::sockets::instance_network::instance_network;
use stepwell_test_wasi::wasi::sockets::ip_name_lookup::resolve_addresses;
use stepwell_test_wasi::wasi::sockets::network::ErrorCode;

fn main() {
    let [name] = args();
    match look_up(&name) {
        Ok(addresses) => println!("ok {addresses}"),
        Err(error) => println!("err {}", error.name()),
    }
}

fn look_up(name: &str) -> Result<usize, ErrorCode> {
    let stream = resolve_addresses(&instance_network(), name)?;
    let mut addresses = 0;
    loop {
        match stream.resolve_next_address() {
            Ok(Some(_)) => addresses += 1,
            Ok(None) => return Ok(addresses),
            Err(ErrorCode::WouldBlock) => stream.subscribe().block(),
            Err(error) => return Err(error),
        }
    }
}
