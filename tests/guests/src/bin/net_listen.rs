//! `net_listen PORT`: waits on 127.0.0.1 for somebody to connect over TCP; 0 takes any free port.

use stepwell_test_guests::{args, number};
use stepwell_test_wasi::wasi::sockets::instance_network::instance_network;
use stepwell_test_wasi::wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
};
use stepwell_test_wasi::wasi::sockets::tcp_create_socket::create_tcp_socket;

fn main() {
    let [port] = args();
    match listen(number(&port) as u16) {
        Ok(()) => println!("ok"),
        Err(error) => println!("err {}", error.name()),
    }
}

fn listen(port: u16) -> Result<(), ErrorCode> {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    let address = (127, 0, 0, 1);
    let local = IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address });
    socket.start_bind(&instance_network(), local)?;
    socket.subscribe().block();
    socket.finish_bind()?;
    socket.start_listen()?;
    socket.subscribe().block();
    socket.finish_listen()
}
