//! The `stepwell:task` contract, from the host's side: an invocation in, results and progress out.

use std::collections::BTreeMap;

use stepwell_contract::{EmitError, Ending, FailureClass, ParamType, ParamValue, StepSpec};

use crate::bindings::exports::plugin::exports::stepwell::task::task::Invocation;
use crate::bindings::imports::stepwell::task::{progress, results, types};
use crate::guest::Guest;

/// What a plugin is called with.
pub(crate) fn invocation(step: &StepSpec) -> Invocation {
    Invocation {
        params: step
            .params
            .iter()
            .map(|(name, value)| (name.clone(), to_wit(value)))
            .collect(),
        workspaces: step
            .workspaces
            .iter()
            .map(|(name, path)| (name.clone(), path.to_string()))
            .collect(),
        attempt: step.attempt,
    }
}

/// How a plugin's answer ends its step.
pub(crate) fn ending(answer: Result<(), types::Failure>) -> Ending {
    match answer {
        Ok(()) => Ending::SUCCESS,
        Err(types::Failure { class, message }) => Ending::Failed {
            class: match class {
                types::FailureClass::Failed => FailureClass::Failed,
                types::FailureClass::MalformedInput => FailureClass::MalformedInput,
                types::FailureClass::Transient => FailureClass::Transient,
            },
            message,
        },
    }
}

fn to_wit(value: &ParamValue) -> types::ParamValue {
    match value {
        ParamValue::String(text) => types::ParamValue::String(text.clone()),
        ParamValue::Array(items) => types::ParamValue::Array(items.clone()),
        ParamValue::Object(fields) => types::ParamValue::Object(
            fields
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        ),
    }
}

/// A value of the contract.
pub(crate) fn from_wit(value: types::ParamValue) -> ParamValue {
    match value {
        types::ParamValue::String(text) => ParamValue::String(text),
        types::ParamValue::Array(items) => ParamValue::Array(items),
        types::ParamValue::Object(fields) => {
            ParamValue::Object(fields.into_iter().collect::<BTreeMap<_, _>>())
        }
    }
}

fn type_to_wit(param_type: ParamType) -> types::ParamType {
    match param_type {
        ParamType::String => types::ParamType::String,
        ParamType::Array => types::ParamType::Array,
        ParamType::Object => types::ParamType::Object,
    }
}

/// A type of the contract.
pub(crate) fn type_from_wit(param_type: types::ParamType) -> ParamType {
    match param_type {
        types::ParamType::String => ParamType::String,
        types::ParamType::Array => ParamType::Array,
        types::ParamType::Object => ParamType::Object,
    }
}

impl types::Host for Guest {}

impl results::Host for Guest {
    fn emit(
        &mut self,
        name: String,
        value: types::ParamValue,
    ) -> wasmtime::Result<Result<(), results::EmitError>> {
        Ok(self
            .io
            .sink
            .emit(&name, from_wit(value))
            .map_err(|error| match error {
                EmitError::Undeclared(_) => results::EmitError::Undeclared,
                EmitError::WrongType { declared, .. } => {
                    results::EmitError::WrongType(type_to_wit(declared))
                }
                EmitError::TooLarge { limit, .. } => results::EmitError::TooLarge(limit),
                other => results::EmitError::NotKept(other.to_string()),
            }))
    }
}

impl progress::Host for Guest {
    fn report(&mut self, done: u64, total: Option<u64>, message: String) -> wasmtime::Result<()> {
        self.io.sink.progress(done, total, &message);
        Ok(())
    }
}
