//! A description as a page of a manual.

use stepwell_contract::{DescribedParam, Description, ParamValue};
use stepwell_report::clean::clean;

use super::NO_POWER;

/// The page for the plugin that is called by `file`. What it says of itself is hostile to a terminal, and made harmless.
pub(crate) fn manual(description: &Description, file: &str) -> String {
    let mut page = Page::default();
    page.line(&format!("{} {}", description.name, description.version));
    page.gap();
    for line in description.documentation.lines() {
        page.line(line);
    }
    page.heading("Usage");
    page.line(&format!("  {}", usage(description, file)));
    if !description.params.is_empty() {
        page.heading("Params");
    }
    for param in &description.params {
        page.item(&param.name, &kind(param), &param.description);
    }
    if !description.workspaces.is_empty() {
        page.heading("Workspaces");
    }
    for workspace in &description.workspaces {
        let access = match workspace.read_only {
            true => "read-only",
            false => "written to",
        };
        let optional = if workspace.optional { ", optional" } else { "" };
        let kind = format!("{access}{optional}");
        page.item(&workspace.name, &kind, &workspace.description);
    }
    if !description.results.is_empty() {
        page.heading("Results");
    }
    for result in &description.results {
        let kind = with_keys(result.result_type.as_str(), &result.properties);
        page.item(&result.name, &kind, &result.description);
    }
    let wants = description.capabilities.iter();
    let wants: Vec<_> = wants.filter(|want| want.grant != NO_POWER).collect();
    if !wants.is_empty() {
        page.heading("Wants to be granted");
    }
    for want in wants {
        page.item(&format!("--grant {}", want.grant), "", &want.reason);
    }
    page.0
}

/// What has to be given, and that there is more.
fn usage(description: &Description, file: &str) -> String {
    let mut usage = format!("stepwell run {file}");
    let (given, open): (Vec<_>, Vec<_>) = description
        .params
        .iter()
        .partition(|param| param.default.is_none());
    for param in given {
        usage += &format!(" -p {}=…", param.name);
    }
    if !open.is_empty() {
        usage += " [-p NAME=VALUE]…";
    }
    for workspace in &description.workspaces {
        usage += &match workspace.optional {
            true => format!(" [-w {}=FOLDER]", workspace.name),
            false => format!(" -w {}=FOLDER", workspace.name),
        };
    }
    usage
}

fn kind(param: &DescribedParam) -> String {
    let kind = with_keys(param.param_type.as_str(), &param.properties);
    match &param.default {
        None => format!("{kind}, has to be given"),
        Some(ParamValue::String(text)) if text.is_empty() => kind,
        Some(ParamValue::String(text)) => format!("{kind}, else `{text}`"),
        Some(value) => match serde_json::to_string(value) {
            Ok(json) if json.len() > "[]".len() => format!("{kind}, else `{json}`"),
            _ => kind,
        },
    }
}

fn with_keys(kind: &str, properties: &[String]) -> String {
    match properties {
        [] => kind.to_owned(),
        keys => format!("{kind} with {}", keys.join(", ")),
    }
}

/// The page as far as it is written.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0 += &clean(line);
        self.0.push('\n');
    }

    fn gap(&mut self) {
        self.0.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        self.gap();
        self.line(heading);
    }

    /// A name with its kind, and below it what it does.
    fn item(&mut self, name: &str, kind: &str, description: &str) {
        let kind = match kind {
            "" => String::new(),
            kind => format!("  ({kind})"),
        };
        self.line(&format!("  {name}{kind}"));
        for line in description.lines() {
            self.line(&format!("      {line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use stepwell_contract::{DescribedResult, DescribedWorkspace, Description, ParamType, Want};

    use super::*;
    use crate::plugin::{schema, task};

    fn param(name: &str, param_type: ParamType, default: Option<ParamValue>) -> DescribedParam {
        DescribedParam {
            name: name.to_owned(),
            param_type,
            description: format!("What {name} does."),
            default,
            properties: Vec::new(),
        }
    }

    fn lint() -> Description {
        let level = ParamValue::String("warn".to_owned());
        Description {
            name: "lint".to_owned(),
            version: "1.2.0".to_owned(),
            documentation: "Checks texts.\n\nIt knows \u{1b}]0;three\u{7} rules.".to_owned(),
            params: vec![
                param("rules", ParamType::Array, None),
                param("level", ParamType::String, Some(level)),
                DescribedParam {
                    properties: vec!["name".to_owned()],
                    ..param("owner", ParamType::Object, None)
                },
            ],
            workspaces: vec![DescribedWorkspace {
                name: "src".to_owned(),
                description: "What is checked.".to_owned(),
                read_only: true,
                optional: false,
            }],
            results: vec![DescribedResult {
                name: "found".to_owned(),
                result_type: ParamType::Array,
                description: "What was found.".to_owned(),
                properties: Vec::new(),
            }],
            capabilities: vec![Want {
                grant: "network=rules.example:443".to_owned(),
                reason: "to fetch rules".to_owned(),
            }],
        }
    }

    #[test]
    fn a_page_says_what_has_to_be_given_and_steers_no_terminal() {
        let page = "\
lint 1.2.0

Checks texts.

It knows \\x1b]0;three\\x07 rules.

Usage
  stepwell run lint.wasm -p rules=… -p owner=… [-p NAME=VALUE]… -w src=FOLDER

Params
  rules  (array, has to be given)
      What rules does.
  level  (string, else `warn`)
      What level does.
  owner  (object with name, has to be given)
      What owner does.

Workspaces
  src  (read-only)
      What is checked.

Results
  found  (array)
      What was found.

Wants to be granted
  --grant network=rules.example:443
      to fetch rules
";
        assert_eq!(manual(&lint(), "lint.wasm"), page);
    }

    #[test]
    fn a_schema_asks_for_what_has_no_default() {
        let schema = schema(&lint());
        assert_eq!(schema["required"], serde_json::json!(["rules", "owner"]));
        assert_eq!(schema["properties"]["level"]["default"], "warn");
        assert_eq!(
            schema["properties"]["owner"]["required"],
            serde_json::json!(["name"])
        );
    }

    #[test]
    fn a_task_is_one_that_stepwell_reads() {
        let mut lint = lint();
        lint.params.push(param("labels", ParamType::Object, None));
        let text = task(&lint, "./lint.wasm").unwrap();
        let mut sources = stepwell_spec::Sources::new();
        sources.add("lint.wasm", text.as_str());
        let checked = stepwell_spec::parse(&sources);
        assert!(checked.is_ok(), "{text}\n{checked:?}");
        assert!(!text.contains("network"), "nothing grants itself: {text}");
    }
}
