//! Constructors for what a plugin says about itself. The fields are public; these fill in the usual case.

use crate::{Description, ParamDecl, ParamType, ParamValue, ResultDecl, WorkspaceDecl};

impl Description {
    /// A plugin with neither params nor workspaces, results or wanted capabilities.
    pub fn new(name: &str, version: &str, documentation: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            documentation: documentation.to_owned(),
            params: Vec::new(),
            workspaces: Vec::new(),
            results: Vec::new(),
            capabilities: Vec::new(),
        }
    }
}

impl ParamDecl {
    /// A param that has to be given.
    pub fn new(name: &str, value_type: ParamType, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            value_type,
            description: description.to_owned(),
            default: None,
            properties: Vec::new(),
        }
    }

    /// A param that is `default` where none is given; its type is that of the default.
    pub fn with_default(name: &str, default: impl Into<ParamValue>, description: &str) -> Self {
        let default = default.into();
        Self {
            default: Some(default.clone()),
            ..Self::new(name, default.param_type(), description)
        }
    }
}

impl WorkspaceDecl {
    /// A folder that the plugin only looks into.
    pub fn read_only(name: &str, description: &str) -> Self {
        Self {
            read_only: true,
            ..Self::writable(name, description)
        }
    }

    /// A folder that the plugin changes.
    pub fn writable(name: &str, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: description.to_owned(),
            read_only: false,
            optional: false,
        }
    }
}

impl ResultDecl {
    /// A result of one type.
    pub fn new(name: &str, value_type: ParamType, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            value_type,
            description: description.to_owned(),
            properties: Vec::new(),
        }
    }
}
