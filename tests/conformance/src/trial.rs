//! The cases as tests of a `libtest_mimic` binary.

use libtest_mimic::Trial;

use crate::{CASES, Harness, check_page};

/// A test for each case, called as the case is; where the backend is to refuse the case's power, it is called a refusal.
/// One more compares the page about the suite. They wait for each other, for what is left behind is looked for in the whole process.
pub fn trials(harness: &'static dyn Harness) -> Vec<Trial> {
    let trial = |case: &'static crate::Case| {
        let refused = case.is_refused_by(harness);
        Trial::test(case.name, move || {
            case.check(harness);
            Ok(())
        })
        .with_kind(if refused { "refusal" } else { "" })
    };
    let page = Trial::test("page", || {
        check_page(harness);
        Ok(())
    });
    CASES.iter().map(trial).chain([page]).collect()
}
