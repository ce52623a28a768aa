//! A name and an id for a run, as a cluster would make them up.

use anyhow::anyhow;
use stepwell_spec::Identity;

/// Kubernetes' own alphabet for generated names: no vowels, and nothing that looks like something else.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A name and an id that no other run has.
///
/// # Errors
///
/// The system gives no random bytes.
pub(crate) fn identity() -> anyhow::Result<Identity> {
    let mut random = [0; 5 + 16];
    getrandom::fill(&mut random).map_err(|error| anyhow!("failed to get random bytes: {error}"))?;
    let (letters, uuid) = random.split_at_mut(5);
    let suffix = letters
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    // Version 4, variant 1: the bits that say that the others are random.
    uuid[6] = uuid[6] & 0x0f | 0x40;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    let mut uid = String::with_capacity(36);
    for (index, byte) in uuid.iter().enumerate() {
        if [4, 6, 8, 10].contains(&index) {
            uid.push('-');
        }
        uid += &format!("{byte:02x}");
    }
    Ok(Identity {
        suffix: suffix.collect(),
        uid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_a_suffix_and_a_random_uuid() {
        let (one, other) = (identity().unwrap(), identity().unwrap());
        assert_ne!(one.uid, other.uid);
        assert_eq!(one.suffix.len(), 5);
        let parts: Vec<_> = one.uid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&one.uid[14..15], "4");
        assert!("89ab".contains(&one.uid[19..20]));
    }
}
