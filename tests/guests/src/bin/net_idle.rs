//! `net_idle`: imports sockets as some language runtimes do, and uses them only when asked by an argument that no test
//! gives.

use stepwell_test_wasi::wasi::sockets::network::IpAddressFamily;
use stepwell_test_wasi::wasi::sockets::tcp_create_socket::create_tcp_socket;

fn main() {
    if std::env::args().count() > 1 {
        let socket = create_tcp_socket(IpAddressFamily::Ipv4);
        println!("socket {}", socket.is_ok());
    }
    println!("ok");
}
