//! How a sidecar is asked whether it has begun, whether it is ready and whether it still lives, and the ports it names.

use std::sync::Arc;

use crate::fields::{At, Fields, Text, quoted, wrong_type};
use crate::problem::{FieldProblem, Problems};
use crate::scalar::ScalarKind;
use crate::yaml::{Node, Value};

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) enum CheckDecl {
    /// Runs a command in the sidecar.
    Exec(Vec<Text>),
    /// Asks over HTTP.
    Http(HttpDecl),
    /// Connects.
    Tcp { port: Text, host: Option<Text> },
    /// Asks over gRPC.
    Grpc { port: Text },
}

/// A request over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct HttpDecl {
    pub(crate) path: Option<Text>,
    pub(crate) port: Text,
    pub(crate) host: Option<Text>,
    pub(crate) scheme: Option<Text>,
    pub(crate) headers: Vec<(Text, Text)>,
}

/// A probe.
#[derive(Debug, Clone)]
pub(crate) struct ProbeDecl {
    pub(crate) check: CheckDecl,
    pub(crate) initial_delay: Option<At<u32>>,
    pub(crate) period: Option<At<u32>>,
    pub(crate) timeout: Option<At<u32>>,
    pub(crate) successes: Option<At<u32>>,
    pub(crate) failures: Option<At<u32>>,
}

/// A port that a sidecar says it listens on.
#[derive(Debug, Clone)]
pub(crate) struct PortDecl {
    pub(crate) name: Option<Text>,
    pub(crate) port: At<u32>,
}

impl ProbeDecl {
    /// Reads a probe.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a probe", problems)?;
        let exec = fields.one("exec", read_exec);
        let http = fields.one("httpGet", read_http);
        let tcp = fields.one("tcpSocket", read_tcp);
        let grpc = fields.one("grpc", read_grpc);
        let (initial_delay, period) = (
            fields.number("initialDelaySeconds"),
            fields.number("periodSeconds"),
        );
        let (timeout, successes) = (
            fields.number("timeoutSeconds"),
            fields.number("successThreshold"),
        );
        let failures = fields.number("failureThreshold");
        fields.number("terminationGracePeriodSeconds");
        let named = ["exec", "httpGet", "tcpSocket", "grpc"];
        let named: Vec<_> = named
            .into_iter()
            .filter(|name| node.entry(name).is_some())
            .collect();
        fields.finish();
        if named.len() != 1 {
            problems.push(FieldProblem::ExactlyOne {
                owner: "the probe",
                found: match named.len() {
                    0 => "nothing to ask".to_owned(),
                    _ => named.join(" and "),
                },
                choices: "`exec`, `httpGet`, `tcpSocket` and `grpc`",
                help: "keep the one that tells best whether the sidecar is ready",
                span: node.span,
            });
        }
        Some(Self {
            check: exec.or(http).or(tcp).or(grpc)?,
            initial_delay,
            period,
            timeout,
            successes,
            failures,
        })
    }

    /// Every text in which references are filled in.
    pub(crate) fn texts(&self) -> Vec<&Text> {
        match &self.check {
            CheckDecl::Exec(command) => command.iter().collect(),
            CheckDecl::Http(http) => {
                let own = [&http.path, &http.host].into_iter().flatten();
                let headers = http.headers.iter().map(|(_, value)| value);
                own.chain([&http.port]).chain(headers).collect()
            }
            CheckDecl::Tcp { port, host } => host.iter().chain([port]).collect(),
            CheckDecl::Grpc { port } => vec![port],
        }
    }
}

/// A port's number or its name.
fn port(fields: &Fields<'_>, problems: &Problems) -> Option<Text> {
    let node = &fields.need("port")?.value;
    match &node.value {
        Value::Scalar {
            kind: ScalarKind::Text | ScalarKind::Number,
            text,
        } => Some(At {
            value: text.clone(),
            span: node.span,
        }),
        _ => {
            wrong_type(problems, quoted("port"), node, "a number or a string");
            None
        }
    }
}

fn read_exec(node: &Arc<Node>, problems: &Problems) -> Option<CheckDecl> {
    let fields = Fields::open(node, "a command", problems)?;
    let command = fields.texts("command");
    if command.is_empty() {
        fields.missing("command");
    }
    fields.finish();
    (!command.is_empty()).then_some(CheckDecl::Exec(command))
}

fn read_http(node: &Arc<Node>, problems: &Problems) -> Option<CheckDecl> {
    let fields = Fields::open(node, "an HTTP request", problems)?;
    let port = port(&fields, problems);
    let read = HttpDecl {
        path: fields.word("path"),
        host: fields.word("host"),
        scheme: fields.word("scheme"),
        headers: fields.each("httpHeaders", read_header),
        port: port?,
    };
    fields.finish();
    Some(CheckDecl::Http(read))
}

fn read_header(node: &Arc<Node>, problems: &Problems) -> Option<(Text, Text)> {
    let fields = Fields::open(node, "an HTTP header", problems)?;
    let (name, value) = (fields.need_text("name"), fields.need_text("value"));
    fields.finish();
    Some((name?, value?))
}

fn read_tcp(node: &Arc<Node>, problems: &Problems) -> Option<CheckDecl> {
    let fields = Fields::open(node, "a TCP check", problems)?;
    let (port, host) = (port(&fields, problems), fields.word("host"));
    fields.finish();
    Some(CheckDecl::Tcp { port: port?, host })
}

fn read_grpc(node: &Arc<Node>, problems: &Problems) -> Option<CheckDecl> {
    let fields = Fields::open(node, "a gRPC check", problems)?;
    let port = port(&fields, problems);
    fields.word("service");
    fields.finish();
    Some(CheckDecl::Grpc { port: port? })
}

impl PortDecl {
    /// Reads a port.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a port", problems)?;
        let name = fields.word("name");
        let port = fields.number("containerPort");
        fields.number("hostPort");
        for field in ["hostIP", "protocol"] {
            fields.text(field);
        }
        fields.finish();
        Some(Self { name, port: port? })
    }
}
