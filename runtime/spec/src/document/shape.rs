//! What only containers have: tables of the fields, for parts of a document that are kept as they are written.
//!
//! A Wasm step has no probes and no capabilities to drop. These parts are checked so that a slip is found before a
//! container is there to find it, and their keys get their own names, so that stored objects can show them.

use crate::fields::{self, Fields, entries, list, quoted, wrong_type};
use crate::problem::Problems;
use crate::scalar::ScalarKind;
use crate::yaml::{Node, Value};

/// The form of a part that is kept as it is written.
pub(crate) enum Shape {
    /// Anything.
    Any,
    /// A string.
    Text,
    /// A boolean.
    Flag,
    /// A number.
    Number,
    /// A number or a string: a port by its number or name, an amount with or without a unit.
    NumberOrText,
    /// A mapping from any word.
    MapOf(&'static Shape),
    /// A list.
    ListOf(&'static Shape),
    /// A mapping with these fields.
    Fields(&'static str, &'static [(&'static str, Shape)]),
}

use Shape::{Any, Flag, ListOf, MapOf, Number, NumberOrText, Text};

impl Shape {
    /// Notes everything of `node`, which is the value of `field`, that is not of this shape.
    pub(crate) fn check(&self, node: &Node, field: &str, problems: &Problems) {
        let scalar = |allowed: &[ScalarKind], expected| match &node.value {
            Value::Scalar { kind, .. } if allowed.contains(kind) => {}
            _ => wrong_type(problems, quoted(field), node, expected),
        };
        match self {
            Self::Any => {}
            Self::Text => {
                fields::text(node, field, problems);
            }
            Self::Flag => scalar(&[ScalarKind::Bool], "a boolean"),
            Self::Number => scalar(&[ScalarKind::Number], "a number"),
            Self::NumberOrText => scalar(
                &[ScalarKind::Number, ScalarKind::Text],
                "a number or a string",
            ),
            Self::MapOf(shape) => {
                for entry in entries(node, field, problems) {
                    if !entry.value.is_null() {
                        shape.check(&entry.value, &entry.key.text, problems);
                    }
                }
            }
            Self::ListOf(shape) => {
                for item in list(node, field, problems) {
                    shape.check(item, field, problems);
                }
            }
            Self::Fields(owner, rows) => {
                let Some(fields) = Fields::open(node, owner, problems) else {
                    return;
                };
                check_rows(&fields, rows, problems);
                fields.finish();
            }
        }
    }
}

/// Notes everything that is not of its shape among those fields that `rows` names.
pub(crate) fn check_rows(fields: &Fields<'_>, rows: &[(&'static str, Shape)], problems: &Problems) {
    for (name, shape) in rows {
        if let Some(entry) = fields.take(name) {
            shape.check(&entry.value, name, problems);
        }
    }
}

const TEXTS: Shape = ListOf(&Text);
const TEXT_MAP: Shape = MapOf(&Text);
const AMOUNTS: Shape = MapOf(&NumberOrText);

const SE_LINUX: Shape = Shape::Fields(
    "the SELinux options",
    &[
        ("user", Text),
        ("role", Text),
        ("type", Text),
        ("level", Text),
    ],
);
const PROFILE: Shape = Shape::Fields(
    "a security profile",
    &[("type", Text), ("localhostProfile", Text)],
);
const WINDOWS: Shape = Shape::Fields(
    "the Windows options",
    &[
        ("gmsaCredentialSpecName", Text),
        ("gmsaCredentialSpec", Text),
        ("runAsUserName", Text),
        ("hostProcess", Flag),
    ],
);

/// `securityContext` of a step or a sidecar.
pub(crate) const SECURITY_CONTEXT: Shape = Shape::Fields(
    "the security context",
    &[
        (
            "capabilities",
            Shape::Fields("the capabilities", &[("add", TEXTS), ("drop", TEXTS)]),
        ),
        ("privileged", Flag),
        ("seLinuxOptions", SE_LINUX),
        ("windowsOptions", WINDOWS),
        ("runAsUser", Number),
        ("runAsGroup", Number),
        ("runAsNonRoot", Flag),
        ("readOnlyRootFilesystem", Flag),
        ("allowPrivilegeEscalation", Flag),
        ("procMount", Text),
        ("seccompProfile", PROFILE),
        ("appArmorProfile", PROFILE),
    ],
);

const EXEC: Shape = Shape::Fields("a command", &[("command", TEXTS)]);
const HTTP_GET: Shape = Shape::Fields(
    "an HTTP request",
    &[
        ("path", Text),
        ("port", NumberOrText),
        ("host", Text),
        ("scheme", Text),
        (
            "httpHeaders",
            ListOf(&Shape::Fields(
                "an HTTP header",
                &[("name", Text), ("value", Text)],
            )),
        ),
    ],
);
const TCP_SOCKET: Shape = Shape::Fields("a TCP check", &[("port", NumberOrText), ("host", Text)]);

const PROBE: Shape = Shape::Fields(
    "a probe",
    &[
        ("exec", EXEC),
        ("httpGet", HTTP_GET),
        ("tcpSocket", TCP_SOCKET),
        (
            "grpc",
            Shape::Fields("a gRPC check", &[("port", Number), ("service", Text)]),
        ),
        ("initialDelaySeconds", Number),
        ("timeoutSeconds", Number),
        ("periodSeconds", Number),
        ("successThreshold", Number),
        ("failureThreshold", Number),
        ("terminationGracePeriodSeconds", Number),
    ],
);

const HANDLER: Shape = Shape::Fields(
    "a lifecycle handler",
    &[
        ("exec", EXEC),
        ("httpGet", HTTP_GET),
        ("tcpSocket", TCP_SOCKET),
        ("sleep", Shape::Fields("a sleep", &[("seconds", Number)])),
    ],
);

/// Probes and ports: a sidecar's are read, and those that a v1beta1 step has of old make no difference.
pub(crate) const PROBES: &[(&str, Shape)] = &[
    (
        "ports",
        ListOf(&Shape::Fields(
            "a port",
            &[
                ("name", Text),
                ("containerPort", Number),
                ("hostPort", Number),
                ("hostIP", Text),
                ("protocol", Text),
            ],
        )),
    ),
    ("livenessProbe", PROBE),
    ("readinessProbe", PROBE),
    ("startupProbe", PROBE),
];

/// What else a sidecar has of a container beyond what a step has, and a v1beta1 step has of old.
pub(crate) const CONTAINER: &[(&str, Shape)] = &[
    (
        "lifecycle",
        Shape::Fields(
            "the lifecycle",
            &[
                ("postStart", HANDLER),
                ("preStop", HANDLER),
                ("stopSignal", Text),
            ],
        ),
    ),
    ("terminationMessagePath", Text),
    ("terminationMessagePolicy", Text),
    ("stdin", Flag),
    ("stdinOnce", Flag),
    ("tty", Flag),
];

/// `volumeDevices`, of steps as of sidecars.
pub(crate) const VOLUME_DEVICES: Shape = ListOf(&Shape::Fields(
    "a volume device",
    &[("name", Text), ("devicePath", Text)],
));

/// `computeResources`; what of it bounds a step is read beside.
pub(crate) const RESOURCES: Shape = Shape::Fields(
    "the resources",
    &[
        ("limits", AMOUNTS),
        ("requests", AMOUNTS),
        (
            "claims",
            ListOf(&Shape::Fields(
                "a resource claim",
                &[("name", Text), ("request", Text)],
            )),
        ),
    ],
);

/// `podTemplate` without its volumes and environment.
pub(crate) const POD_TEMPLATE: &[(&str, Shape)] = &[
    ("nodeSelector", TEXT_MAP),
    (
        "tolerations",
        ListOf(&Shape::Fields(
            "a toleration",
            &[
                ("key", Text),
                ("operator", Text),
                ("value", Text),
                ("effect", Text),
                ("tolerationSeconds", Number),
            ],
        )),
    ),
    ("affinity", Any),
    (
        "securityContext",
        Shape::Fields(
            "the pod's security context",
            &[
                ("seLinuxOptions", SE_LINUX),
                ("windowsOptions", WINDOWS),
                ("runAsUser", Number),
                ("runAsGroup", Number),
                ("runAsNonRoot", Flag),
                ("supplementalGroups", ListOf(&Number)),
                ("supplementalGroupsPolicy", Text),
                ("fsGroup", Number),
                ("fsGroupChangePolicy", Text),
                (
                    "sysctls",
                    ListOf(&Shape::Fields(
                        "a sysctl",
                        &[("name", Text), ("value", Text)],
                    )),
                ),
                ("seccompProfile", PROFILE),
                ("appArmorProfile", PROFILE),
                ("seLinuxChangePolicy", Text),
            ],
        ),
    ),
    ("runtimeClassName", Text),
    ("automountServiceAccountToken", Flag),
    ("dnsPolicy", Text),
    (
        "dnsConfig",
        Shape::Fields(
            "the DNS settings",
            &[
                ("nameservers", TEXTS),
                ("searches", TEXTS),
                (
                    "options",
                    ListOf(&Shape::Fields(
                        "a DNS option",
                        &[("name", Text), ("value", Text)],
                    )),
                ),
            ],
        ),
    ),
    ("enableServiceLinks", Flag),
    ("priorityClassName", Text),
    ("schedulerName", Text),
    (
        "imagePullSecrets",
        ListOf(&Shape::Fields("a reference to a Secret", &[("name", Text)])),
    ),
    (
        "hostAliases",
        ListOf(&Shape::Fields(
            "a host alias",
            &[("ip", Text), ("hostnames", TEXTS)],
        )),
    ),
    ("hostNetwork", Flag),
    ("hostUsers", Flag),
    ("topologySpreadConstraints", ListOf(&Any)),
];

/// The `spec` of a PersistentVolumeClaim.
pub(crate) const CLAIM: Shape = Shape::Fields(
    "a claim's spec",
    &[
        ("accessModes", TEXTS),
        ("resources", RESOURCES),
        ("selector", Any),
        ("volumeName", Text),
        ("storageClassName", Text),
        ("volumeMode", Text),
        ("dataSource", Any),
        ("dataSourceRef", Any),
        ("volumeAttributesClassName", Text),
    ],
);

/// A claim that stands where it is used (`volumeClaimTemplate`).
pub(crate) const CLAIM_TEMPLATE: Shape = Shape::Fields(
    "a claim's template",
    &[
        ("apiVersion", Text),
        ("kind", Text),
        ("metadata", Any),
        ("spec", CLAIM),
        ("status", Any),
    ],
);
