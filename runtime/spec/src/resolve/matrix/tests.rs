use proptest::prelude::*;

use super::*;

fn axis(name: &str, values: &[&str]) -> Axis {
    Axis {
        name: name.into(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

fn row(pairs: &[(&str, &str)]) -> Row {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).to_owned()))
        .collect()
}

fn shown(rows: &[Row]) -> Vec<String> {
    let show = |row: &Row| {
        let pairs: Vec<_> = row
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join(" ")
    };
    rows.iter().map(show).collect()
}

#[test]
fn the_first_array_changes_fastest() {
    let made = rows(
        &[
            axis("platform", &["linux", "mac"]),
            axis("browser", &["a", "b"]),
        ],
        &[],
    );
    assert_eq!(
        shown(&made.unwrap()),
        [
            "browser=a platform=linux",
            "browser=a platform=mac",
            "browser=b platform=linux",
            "browser=b platform=mac",
        ]
    );
}

#[test]
fn include_alone_is_the_rows() {
    let made = rows(&[], &[row(&[("image", "one")]), row(&[("image", "two")])]);
    assert_eq!(shown(&made.unwrap()), ["image=one", "image=two"]);
}

#[test]
fn include_goes_into_rows_that_it_does_not_contradict() {
    let axes = [
        axis("GOARCH", &["amd64", "ppc64le", "s390x"]),
        axis("version", &["1.17", "1.18"]),
    ];
    let include = [
        row(&[("package", "common")]),
        row(&[("GOARCH", "s390x"), ("flags", "-v")]),
        row(&[("GOARCH", "amd64"), ("version", "1.17"), ("context", "ctx")]),
        row(&[("GOARCH", "mips")]),
    ];
    assert_eq!(
        shown(&rows(&axes, &include).unwrap()),
        [
            "GOARCH=amd64 context=ctx package=common version=1.17",
            "GOARCH=ppc64le package=common version=1.17",
            "GOARCH=s390x flags=-v package=common version=1.17",
            "GOARCH=amd64 package=common version=1.18",
            "GOARCH=ppc64le package=common version=1.18",
            "GOARCH=s390x flags=-v package=common version=1.18",
            "GOARCH=mips",
        ]
    );
}

#[test]
fn an_item_with_a_value_of_some_row_is_no_row_of_its_own() {
    let include = [row(&[("a", "1"), ("b", "9")])];
    let made = rows(&[axis("a", &["1"]), axis("b", &["2"])], &include);
    assert_eq!(shown(&made.unwrap()), ["a=1 b=2"]);
}

#[test]
fn an_empty_array_leaves_no_rows() {
    let made = rows(&[axis("a", &["1"]), axis("b", &[])], &[row(&[("c", "1")])]);
    assert_eq!(made, Err(NoRows::Empty));
}

#[test]
fn attack_a_matrix_of_thousands_is_counted_and_not_made() {
    let hundred: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let axes: Vec<Axis> = (0..20)
        .map(|number| Axis {
            name: format!("p{number}").into(),
            values: hundred.clone(),
        })
        .collect();
    assert_eq!(rows(&axes[..2], &[]), Err(NoRows::TooMany(10_000)));
    assert_eq!(rows(&axes, &[]), Err(NoRows::TooMany(usize::MAX)));
    let sixteen = |name| Axis {
        name,
        values: hundred[..16].to_vec(),
    };
    let most = rows(&[sixteen("a".into()), sixteen("b".into())], &[]).unwrap();
    assert_eq!(most.len(), MAX_ROWS);
    let more = rows(
        &[sixteen("a".into()), sixteen("b".into())],
        &[row(&[("c", "x")]), row(&[("a", "none")])],
    );
    assert_eq!(more, Err(NoRows::TooMany(MAX_ROWS + 1)));
}

/// The rows as one would write them down: count through them, the first array's digit lowest.
fn model(axes: &[Axis]) -> Vec<Row> {
    let count: usize = axes.iter().map(|axis| axis.values.len()).product();
    (0..count)
        .map(|mut number| {
            axes.iter()
                .map(|axis| {
                    let value = axis.values[number % axis.values.len()].clone();
                    number /= axis.values.len();
                    (Arc::clone(&axis.name), value)
                })
                .collect()
        })
        .collect()
}

proptest! {
    #[test]
    fn rows_are_those_of_counting(sizes in prop::collection::vec(1_usize..5, 1..4)) {
        let axes: Vec<Axis> = sizes
            .iter()
            .enumerate()
            .map(|(number, size)| Axis {
                name: format!("p{number}").into(),
                values: (0..*size).map(|value| value.to_string()).collect(),
            })
            .collect();
        prop_assert_eq!(rows(&axes, &[]).unwrap(), model(&axes));
    }

    #[test]
    fn include_changes_no_value_of_an_array(values in prop::collection::vec("[a-c]", 1..4), name in "[p-q]", value in "[a-d]") {
        let axes = [Axis { name: "p".into(), values }];
        let include = [Row::from([(Arc::from(name), value)])];
        let plain = rows(&axes, &[]).unwrap();
        let made = rows(&axes, &include).unwrap();
        prop_assert!(made.len() <= plain.len() + 1);
        for (made, plain) in made.iter().zip(&plain) {
            prop_assert_eq!(made.get("p"), plain.get("p"));
        }
    }
}
