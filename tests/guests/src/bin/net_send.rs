//! `net_send PORT`: sends one datagram over UDP to 127.0.0.1.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::wasi::sockets::instance_network::instance_network;
use stepwell_test_wasi::wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
};
use stepwell_test_wasi::wasi::sockets::udp::OutgoingDatagram;
use stepwell_test_wasi::wasi::sockets::udp_create_socket::create_udp_socket;

fn main() {
    let [port] = args();
    match send(number(&port) as u16) {
        Ok(()) => println!("ok"),
        Err(error) => println!("err {}", error.name()),
    }
}

fn send(port: u16) -> Result<(), ErrorCode> {
    let address = |address, port| IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address });
    let socket = create_udp_socket(IpAddressFamily::Ipv4)?;
    socket.start_bind(&instance_network(), address((0, 0, 0, 0), 0))?;
    socket.subscribe().block();
    socket.finish_bind()?;
    let (_, outgoing) = socket.stream(None)?;
    let datagram = OutgoingDatagram {
        data: b"a datagram".to_vec(),
        remote_address: Some(address((127, 0, 0, 1), port)),
    };
    while outgoing.check_send()? == 0 {
        outgoing.subscribe().block();
    }
    outgoing.send(&[datagram]).map(drop)
}
