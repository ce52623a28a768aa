//! The network, where it is granted: wasmtime-wasi's sockets, behind a list of who may be talked to.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};

use stepwell_contract::{Grants, Network};
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{self, ResolveAddressStream};
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddress};
use wasmtime_wasi::p2::bindings::sockets::{instance_network, tcp_create_socket};
use wasmtime_wasi::p2::bindings::sync::sockets::{tcp, udp, udp_create_socket};
use wasmtime_wasi::p2::{Network as WasiNetwork, SocketError, SocketResult};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSockets, WasiSocketsCtxView};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};
use wasmtime_wasi_io::poll::DynPollable;

use crate::guest::Guest;

/// No name of a host is longer; what a guest asks for beyond that is not repeated.
const MOST_NAME: usize = 253;

/// The socket context that a grant allows, and the names that may be looked up (`None` for all).
pub(crate) fn context(grants: &Grants) -> (Option<Box<WasiCtx>>, Option<Vec<String>>) {
    let mut builder = WasiCtxBuilder::new();
    // Sockets to a sidecar are made like all others, and lead to no address of the machine's.
    let nowhere = Network::To(Vec::new());
    let grant = match &grants.network {
        Network::Off | Network::None if !grants.sidecars.is_empty() => &nowhere,
        network => network,
    };
    let lookups = match grant {
        Network::Off => return (None, Some(Vec::new())),
        Network::None => {
            builder
                .allow_tcp(false)
                .allow_udp(false)
                .allow_ip_name_lookup(false);
            Some(Vec::new())
        }
        Network::To(hosts) => {
            let allowed = AllowList::new(hosts);
            let names = allowed.names();
            builder
                .allow_tcp(true)
                .allow_udp(false)
                .allow_ip_name_lookup(true)
                .socket_addr_check(move |address, use_| {
                    let allowed = match use_ {
                        SocketAddrUse::TcpConnect => allowed.contains(address),
                        // The unspecified local address of a socket that is about to connect.
                        SocketAddrUse::TcpBind => is_unspecified(address),
                        _ => false,
                    };
                    Box::pin(async move { allowed })
                });
            Some(names)
        }
        Network::Any => {
            builder
                .inherit_network()
                .allow_tcp(true)
                .allow_udp(true)
                .allow_ip_name_lookup(true);
            None
        }
    };
    (Some(Box::new(builder.build())), lookups)
}

fn is_unspecified(address: SocketAddr) -> bool {
    address.ip().is_unspecified() && address.port() == 0
}

/// `host:port` pairs; names among them are looked up once, when the first connection is tried.
#[derive(Clone)]
struct AllowList(Arc<(Vec<String>, OnceLock<HashSet<SocketAddr>>)>);

impl AllowList {
    fn new(hosts: &[String]) -> Self {
        Self(Arc::new((hosts.to_vec(), OnceLock::new())))
    }

    fn contains(&self, address: SocketAddr) -> bool {
        let (hosts, addresses) = &*self.0;
        let addresses = addresses.get_or_init(|| {
            hosts
                .iter()
                .filter_map(|host| host.to_socket_addrs().ok())
                .flatten()
                .collect()
        });
        addresses.contains(&address)
    }

    fn names(&self) -> Vec<String> {
        let host = |pair: &String| {
            pair.rsplit_once(':')
                .map(|(host, _)| host.to_ascii_lowercase())
        };
        self.0
            .0
            .iter()
            .filter_map(host)
            .filter(|host| host.parse::<IpAddr>().is_err())
            .collect()
    }
}

impl Guest {
    pub(super) fn sockets(&mut self) -> WasiSocketsCtxView<'_> {
        let network = self
            .network
            .get_or_insert_with(|| Box::new(WasiCtxBuilder::new().build()));
        WasiSocketsCtxView {
            ctx: network.sockets(),
            table: &mut self.table,
        }
    }
}

/// Offers sockets to guests: only in the linker of steps that have some network grant.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let options = network::LinkOptions::default();
    tcp::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;
    udp::add_to_linker::<Guest, WasiSockets>(linker, Guest::sockets)?;
    tcp_create_socket::add_to_linker::<Guest, WasiSockets>(linker, Guest::sockets)?;
    udp_create_socket::add_to_linker::<Guest, WasiSockets>(linker, Guest::sockets)?;
    instance_network::add_to_linker::<Guest, WasiSockets>(linker, Guest::sockets)?;
    network::add_to_linker::<Guest, WasiSockets>(linker, &options, Guest::sockets)?;
    ip_name_lookup::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

impl network::Host for Guest {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        network::Host::convert_error_code(&mut self.sockets(), error)
    }

    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        network::Host::network_error_code(&mut self.sockets(), error)
    }
}

impl network::HostNetwork for Guest {
    fn drop(&mut self, network: Resource<WasiNetwork>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.sockets(), network)
    }
}

// A name that may not be reached may not be asked for either: the question itself would carry data out.

impl ip_name_lookup::Host for Guest {
    fn resolve_addresses(
        &mut self,
        network: Resource<WasiNetwork>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        let asked = name.to_ascii_lowercase();
        if let Some(address) = self.sidecars.address_of(&asked) {
            let address = address.to_owned();
            return ip_name_lookup::Host::resolve_addresses(&mut self.sockets(), network, address);
        }
        let unknown = |names: &Vec<String>| !names.contains(&asked);
        if asked.parse::<IpAddr>().is_err() && self.lookups.as_ref().is_some_and(unknown) {
            let shown: String = asked.chars().take(MOST_NAME).collect();
            self.refused(&format!("{shown}:PORT"));
            return Err(SocketError::from(ErrorCode::AccessDenied));
        }
        ip_name_lookup::Host::resolve_addresses(&mut self.sockets(), network, name)
    }
}

impl ip_name_lookup::HostResolveAddressStream for Guest {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> SocketResult<Option<IpAddress>> {
        ip_name_lookup::HostResolveAddressStream::resolve_next_address(&mut self.sockets(), stream)
    }

    fn subscribe(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        ip_name_lookup::HostResolveAddressStream::subscribe(&mut self.sockets(), stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        ip_name_lookup::HostResolveAddressStream::drop(&mut self.sockets(), stream)
    }
}
