//! `net_connect ADDRESS:PORT TEXT`: connects to an IPv4 address over TCP, sends the text, and prints the answer.

use std::net::SocketAddrV4;

use stepwell_test_guests::args;
use stepwell_test_wasi::wasi::sockets::instance_network::instance_network;
use stepwell_test_wasi::wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
};
use stepwell_test_wasi::wasi::sockets::tcp::ShutdownType;
use stepwell_test_wasi::wasi::sockets::tcp_create_socket::create_tcp_socket;

fn main() {
    let [address, text] = args();
    let address: SocketAddrV4 = address.parse().expect("an address and a port");
    match talk(address, &text) {
        Ok(answer) => println!("ok {answer}"),
        Err(error) => println!("err {}", error.name()),
    }
}

fn talk(address: SocketAddrV4, text: &str) -> Result<String, ErrorCode> {
    let [a, b, c, d] = address.ip().octets();
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_connect(
        &instance_network(),
        IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port: address.port(),
            address: (a, b, c, d),
        }),
    )?;
    socket.subscribe().block();
    let (input, output) = socket.finish_connect()?;
    let said = output.blocking_write_and_flush(text.as_bytes());
    said.map_err(|_| ErrorCode::ConnectionReset)?;
    socket.shutdown(ShutdownType::Send)?;
    let mut answer = Vec::new();
    while let Ok(bytes) = input.blocking_read(4096) {
        answer.extend(bytes);
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
