//! A guest without a test does not compile: each has an item of its name in one of these modules.

use crate::{
    ambient::*, endings::*, fs::*, hits::*, http::*, images::*, limits::*, links::*, network::*,
    output::*, plugins::*, programs::*, quota::*, races::*, read_only::*, results::*, sameness::*,
    stopping::*, tools::*,
};

macro_rules! has_a_test {
    ($guest:ident) => {
        #[allow(unused_imports, reason = "it is there to be resolved, not to be used")]
        use self::$guest as _;
    };
}

stepwell_guest_artifacts::foreach_ambient!(has_a_test);
stepwell_guest_artifacts::foreach_cli!(has_a_test);
stepwell_guest_artifacts::foreach_end!(has_a_test);
stepwell_guest_artifacts::foreach_fs!(has_a_test);
stepwell_guest_artifacts::foreach_image!(has_a_test);
stepwell_guest_artifacts::foreach_limit!(has_a_test);
stepwell_guest_artifacts::foreach_net!(has_a_test);
stepwell_guest_artifacts::foreach_result!(has_a_test);
stepwell_guest_artifacts::foreach_task!(has_a_test);
stepwell_guest_artifacts::foreach_trace!(has_a_test);
