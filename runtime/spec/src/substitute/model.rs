//! Substitution against a slow model of it: random texts and params, and every reference that means something looked for
//! at every place.

use proptest::prelude::*;

use super::*;

/// Params by name, of every type, and none of which can be taken for another.
fn params() -> impl Strategy<Value = Params> {
    let value = || {
        let odd = [
            "",
            "v",
            "$",
            "$$",
            "$(params.s)",
            "$(params.l[*])",
            ")",
            "ü x",
        ];
        prop::sample::select(odd.to_vec()).prop_map(str::to_owned)
    };
    let list = prop::collection::vec(value(), 0..4).prop_map(ParamValue::Array);
    let string = value().prop_map(ParamValue::String);
    let pairs = prop::collection::btree_map("[ab]", value(), 0..3).prop_map(ParamValue::Object);
    let all = (string.clone(), string, list, pairs);
    all.prop_map(|(plain, dotted, list, pairs)| {
        let named = [("s", plain), ("d.t", dotted), ("l", list), ("o", pairs)];
        named.map(|(name, value)| (name.to_owned(), value)).into()
    })
}

/// A part of a text: a reference in one of the ways to write it, or something that looks like one.
fn piece() -> impl Strategy<Value = String> {
    let odd = [
        "$",
        "$$",
        "$(",
        "(",
        ")",
        "$()",
        "$(date)",
        "$(params)",
        "$(params.)",
        "$(params.gone)",
        "$(params.gone[0])",
        "$(params.o.gone)",
        "$(params[s])",
        "$(params.s",
        "$(params.s )",
        "$(Params.s)",
        "$(params.l[x])",
        "$(params.l[99999999999999999999])",
        "a",
        "ü",
        "\n",
        " ",
    ];
    let names = prop::sample::select(vec!["s", "d.t", "l", "o", "o.a", "o.b"]);
    let ends = prop::sample::select(vec!["", "[*]", "[0]", "[1]", "[7]"]);
    let ways = prop::sample::select(vec![
        "params.N",
        "params['N']",
        "params[\"N\"]",
        "inputs.params.N",
    ]);
    let reference = (names, ends, ways)
        .prop_map(|(name, end, way)| format!("$({}{end})", way.replace('N', name)));
    prop_oneof![
        prop::sample::select(odd.to_vec()).prop_map(str::to_owned),
        reference
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..6).prop_map(|pieces| pieces.concat())
}

/// Every way to write a reference to the param `name`.
fn ways(name: &str) -> [String; 4] {
    [
        format!("params.{name}"),
        format!("params['{name}']"),
        format!("params[\"{name}\"]"),
        format!("inputs.params.{name}"),
    ]
}

/// Every reference that stands for a text, and the text.
fn texts_of(params: &Params) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (name, value) in params {
        match value {
            ParamValue::String(text) => {
                texts.extend(ways(name).map(|way| (format!("$({way})"), text.clone())));
            }
            ParamValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    texts
                        .extend(ways(name).map(|way| (format!("$({way}[{index}])"), item.clone())));
                }
            }
            ParamValue::Object(pairs) => {
                for (key, text) in pairs {
                    // In brackets there is a name and no key.
                    let [plain, _, _, older] = ways(&format!("{name}.{key}"));
                    texts.extend([plain, older].map(|way| (format!("$({way})"), text.clone())));
                }
            }
        }
    }
    texts
}

/// What `text` becomes.
fn filled(text: &str, params: &Params) -> String {
    let texts = texts_of(params);
    let mut made = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match texts
            .iter()
            .find(|(reference, _)| rest.starts_with(*reference))
        {
            Some((reference, value)) => {
                made.push_str(value);
                rest = &rest[reference.len()..];
            }
            None => {
                made.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    made
}

/// What an item of a list becomes.
fn items(text: &str, params: &Params) -> Vec<String> {
    let arrays = params.iter().filter_map(|(name, value)| match value {
        ParamValue::Array(items) => Some((name, items)),
        _ => None,
    });
    for (name, items) in arrays {
        let whole = |way: &String| [format!("$({way})"), format!("$({way}[*])")];
        if ways(name).iter().flat_map(whole).any(|whole| whole == text) {
            return items.clone();
        }
    }
    vec![filled(text, params)]
}

proptest! {
    #[test]
    fn what_is_filled_in_is_what_the_model_fills_in(params in params(), text in text()) {
        let mut sources = Sources::new();
        let span = Sources::span(sources.add("t.yaml", "text"), 0..4);
        let (around, made) = (Surroundings::default(), Cell::new(0));
        let scope = Scope::new(&sources, &params, &around, &made);
        let problems = Problems::default();
        let at = At { value: text.clone(), span };
        prop_assert_eq!(scope.text(&at, &problems), filled(&text, &params));
        prop_assert_eq!(scope.items(&[at], &problems), items(&text, &params));
    }
}
