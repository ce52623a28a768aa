//! Sidecars with everything filled in: each is a step beside the others, with ports and probes.

use std::time::Duration;

use crate::document::probe::{CheckDecl, HttpDecl, ProbeDecl};
use crate::document::sidecar::SidecarDecl;
use crate::fields::{At, Text};
use crate::problem::FieldProblem;
use crate::resolve::container::Filled;
use crate::resolve::late;
use crate::resolve::steps::Maker;
use crate::resolve::volumes::Volumes;
use crate::run::{Check, Port, Probe, Sidecar, Step};
use crate::substitute::{Scope, StepScope};

/// Kubernetes' own numbers, where a probe says nothing or 0.
const PERIOD: u32 = 10;
const TIMEOUT: u32 = 1;
const SUCCESSES: u32 = 1;
const FAILURES: u32 = 3;

const LIFECYCLE: &str = "what a sidecar does when it begins and before it ends is not looked at";
const GRPC: &str =
    "nothing here speaks gRPC: whether somebody accepts a connection is asked instead";
const HTTPS: &str = "a probe speaks no TLS: whether somebody accepts a connection is asked instead";

/// What a probe is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Startup,
    Readiness,
    Liveness,
}

impl Maker<'_> {
    /// The sidecars. The volumes that they mount are noted in `volumes`.
    pub(crate) fn sidecars(&self, volumes: &mut Volumes<'_>) -> Vec<Sidecar> {
        let sidecars = self.spec.sidecars.iter().enumerate();
        sidecars
            .filter_map(|(index, decl)| self.sidecar(index, decl, volumes))
            .collect()
    }

    fn sidecar(
        &self,
        index: usize,
        decl: &SidecarDecl,
        volumes: &mut Volumes<'_>,
    ) -> Option<Sidecar> {
        let name = decl.name.as_ref();
        let name = match name {
            Some(name) => self.scope.text(name, self.problems),
            None => format!("unnamed-{index}"),
        };
        let paths = self.paths(&decl.workspaces);
        let scope = Scope {
            step: Some(StepScope {
                name: &name,
                results: &[],
                paths: &paths,
            }),
            ..*self.scope
        };
        let filled = Filled::new(&decl.container, &self.files(&scope));
        let script = decl.script.as_ref();
        let script = script.map(|text| scope.text(text, self.problems));
        let amounts = self.bounds.amounts_of_sidecar(&name, filled.amounts);
        let mut step = Step {
            workspaces: self.isolated(&decl.workspaces, &paths),
            ..self.of_container(&name, filled, script, &[], amounts, volumes)?
        };
        step.is_late = late::is_late(&step);
        let span = decl.name.as_ref().map_or(decl.span, |name| name.span);
        let mut sidecar = Sidecar::new(step, span);
        sidecar.ports = self.ports(decl);
        let mut unheeded = Vec::new();
        let mut probe = |probe: &Option<ProbeDecl>, purpose| {
            self.probe(
                probe.as_ref()?,
                purpose,
                &sidecar.ports,
                &scope,
                &mut unheeded,
            )
        };
        let (startup, readiness) = (
            probe(&decl.startup, Purpose::Startup),
            probe(&decl.readiness, Purpose::Readiness),
        );
        let liveness = probe(&decl.liveness, Purpose::Liveness);
        unheeded.extend(decl.lifecycle.map(|_| LIFECYCLE));
        Some(Sidecar {
            startup,
            readiness,
            liveness,
            unheeded,
            ..sidecar
        })
    }

    fn ports(&self, decl: &SidecarDecl) -> Vec<Port> {
        let ports = decl.ports.iter().filter_map(|port| {
            let number = u16::try_from(port.port.value).ok().filter(|port| *port > 0);
            if number.is_none() {
                self.bad("containerPort", &port.port, "a port from 1 to 65535");
            }
            let name = port.name.as_ref();
            Some(Port {
                name: name.map(|name| name.value.as_str().into()),
                number: number?,
            })
        });
        ports.collect()
    }

    fn probe(
        &self,
        decl: &ProbeDecl,
        purpose: Purpose,
        ports: &[Port],
        scope: &Scope<'_>,
        unheeded: &mut Vec<&'static str>,
    ) -> Option<Probe> {
        let or = |number: &Option<At<u32>>, default| {
            let number = number.as_ref().map(|number| number.value);
            number.filter(|number| *number > 0).unwrap_or(default)
        };
        let seconds = |number| Duration::from_secs(u64::from(number));
        let successes = or(&decl.successes, SUCCESSES);
        if let (Some(said), true) = (&decl.successes, purpose != Purpose::Readiness)
            && successes != 1
        {
            self.bad(
                "successThreshold",
                said,
                "1: only a `readinessProbe` may have another",
            );
        }
        let check = match &decl.check {
            CheckDecl::Exec(command) => Check::Exec(scope.items(command, self.problems)),
            CheckDecl::Http(http) => self.http(http, ports, scope, unheeded)?,
            CheckDecl::Tcp { port, host } => {
                self.is_here(host.as_ref(), scope);
                Check::Tcp(self.port(port, ports, scope)?)
            }
            CheckDecl::Grpc { port } => {
                unheeded.push(GRPC);
                Check::Tcp(self.port(port, ports, scope)?)
            }
        };
        Some(Probe {
            check,
            initial_delay: seconds(or(&decl.initial_delay, 0)),
            period: seconds(or(&decl.period, PERIOD)),
            timeout: seconds(or(&decl.timeout, TIMEOUT)),
            successes,
            failures: or(&decl.failures, FAILURES),
        })
    }

    fn http(
        &self,
        http: &HttpDecl,
        ports: &[Port],
        scope: &Scope<'_>,
        unheeded: &mut Vec<&'static str>,
    ) -> Option<Check> {
        self.is_here(http.host.as_ref(), scope);
        let port = self.port(&http.port, ports, scope)?;
        if let Some(scheme) = &http.scheme {
            match scope.text(scheme, self.problems).as_str() {
                "HTTP" | "" => {}
                "HTTPS" => {
                    unheeded.push(HTTPS);
                    return Some(Check::Tcp(port));
                }
                _ => self.bad_text("scheme", scheme, "HTTP or HTTPS"),
            }
        }
        let path = http.path.as_ref();
        let mut path = path.map_or(String::new(), |path| scope.text(path, self.problems));
        if !path.starts_with('/') {
            path.insert(0, '/');
        }
        let is_bad = |text: &str| text.bytes().any(|byte| byte.is_ascii_control());
        if let (true, Some(text)) = (is_bad(&path) || path.contains(' '), &http.path) {
            self.bad_text(
                "path",
                text,
                "a path and a query as they stand in a request",
            );
        }
        let mut headers = Vec::with_capacity(http.headers.len());
        for (name, value) in &http.headers {
            let is_token =
                |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.value.is_empty() || !name.value.bytes().all(is_token) {
                self.bad_text("name", name, "the name of a header");
            }
            let text = scope.text(value, self.problems);
            if is_bad(&text) {
                self.bad_text("value", value, "the value of a header, on one line");
            }
            headers.push((name.value.clone(), text));
        }
        Some(Check::Http {
            port,
            path,
            headers,
        })
    }

    /// Notes a host that is not the task's own: no other network is asked.
    fn is_here(&self, host: Option<&Text>, scope: &Scope<'_>) {
        let Some(host) = host else { return };
        let said = scope.text(host, self.problems);
        if !["", "localhost", "127.0.0.1", "::1"].contains(&said.as_str()) {
            let expected = "nothing, or `localhost`: the task's own network is what is asked";
            self.bad_text("host", host, expected);
        }
    }

    /// The number of a port, which may be the name of one that the sidecar declares.
    fn port(&self, text: &Text, ports: &[Port], scope: &Scope<'_>) -> Option<u16> {
        let said = scope.text(text, self.problems);
        let named = ports
            .iter()
            .find(|port| port.name.as_deref() == Some(&said));
        let number = said.parse().ok().filter(|number| *number > 0);
        let number = number.or(named.map(|port| port.number));
        if number.is_none() {
            let expected = "a port from 1 to 65535, or the name of one of the sidecar's `ports`";
            self.bad_text("port", text, expected);
        }
        number
    }

    fn bad(&self, field: &str, number: &At<u32>, expected: &str) {
        self.problems.push(FieldProblem::BadValue {
            field: field.to_owned(),
            value: number.value.to_string(),
            expected: expected.to_owned(),
            span: number.span,
        });
    }

    fn bad_text(&self, field: &str, text: &Text, expected: &str) {
        self.problems.push(FieldProblem::BadValue {
            field: field.to_owned(),
            value: text.value.clone(),
            expected: expected.to_owned(),
            span: text.span,
        });
    }
}
