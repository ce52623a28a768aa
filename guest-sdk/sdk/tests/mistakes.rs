//! What the compiler says of a plugin that is written wrong, for each sort of mistake. `TRYBUILD=overwrite` writes the
//! expectations anew.

#[test]
fn a_mistake_is_told_where_it_is_made() {
    trybuild::TestCases::new().compile_fail("tests/mistakes/*.rs");
}
