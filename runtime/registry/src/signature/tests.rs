use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

const OURS: &str = include_str!("../../tests/minisign/ours.key");
const OURS_PUBLIC: &str = include_str!("../../tests/minisign/ours.pub");
const OTHER: &str = include_str!("../../tests/minisign/other.key");
const OTHER_PUBLIC: &str = include_str!("../../tests/minisign/other.pub");
const LOCKED: &str = include_str!("../../tests/minisign/locked.key");

/// What minisign itself has made of the text `manifest` with our key, today's way and the older one.
const MADE: &str = include_str!("../../tests/minisign/manifest.minisig");
const LEGACY: &str = include_str!("../../tests/minisign/legacy.minisig");

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn signed(key: &str, manifest: &[u8], as_reference: &str) -> Vec<u8> {
    let key = SigningKey::read(key, None).unwrap();
    key.sign(manifest, &reference(as_reference)).into_bytes()
}

/// What becomes of signatures of `manifest`, asked for as `reg.example/team/tool:1`, where ours is the trusted key.
fn checked(signatures: &[Vec<u8>]) -> Result<(), SignatureProblem> {
    let keys = [TrustedKey::read(OURS_PUBLIC).unwrap()];
    check(
        b"manifest",
        &reference("reg.example/team/tool:1"),
        signatures,
        &keys,
    )
}

#[test]
fn what_minisign_signs_is_taken_and_what_we_sign_too() {
    assert_eq!(checked(&[MADE.as_bytes().to_vec()]), Ok(()));
    let ours = signed(OURS, b"manifest", "reg.example/team/tool:1");
    assert_eq!(checked(std::slice::from_ref(&ours)), Ok(()));
    // A good one is found among others, and the registry's name is not part of it.
    let others = signed(OTHER, b"manifest", "reg.example/team/tool:1");
    assert_eq!(checked(&[others, b"?".to_vec(), ours]), Ok(()));
    let elsewhere = signed(OURS, b"manifest", "mirror.example/team/tool:1");
    assert_eq!(checked(&[elsewhere]), Ok(()));
}

#[test]
fn attack_no_signature() {
    assert_eq!(checked(&[]), Err(SignatureProblem::Missing));
}

#[test]
fn attack_a_signature_by_another_key() {
    let other = signed(OTHER, b"manifest", "reg.example/team/tool:1");
    assert_eq!(
        checked(std::slice::from_ref(&other)),
        Err(SignatureProblem::OtherKey)
    );
    // The twin: whoever trusts that key takes it.
    let keys = [TrustedKey::read(OTHER_PUBLIC).unwrap()];
    let tool = reference("reg.example/team/tool:1");
    assert_eq!(check(b"manifest", &tool, &[other], &keys), Ok(()));
}

#[test]
fn attack_a_signature_by_another_key_under_the_number_of_ours() {
    // The number is in no way protected: it is eight bytes that anybody can write.
    let lines: Vec<String> = signed(OTHER, b"manifest", "reg.example/team/tool:1")
        .split(|byte| *byte == b'\n')
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect();
    let mut bytes = STANDARD.decode(&lines[1]).unwrap();
    let ours = STANDARD.decode(MADE.lines().nth(1).unwrap()).unwrap();
    bytes[2..10].copy_from_slice(&ours[2..10]);
    let forged = format!(
        "{}\n{}\n{}\n{}",
        lines[0],
        STANDARD.encode(bytes),
        lines[2],
        lines[3]
    );
    assert_eq!(
        checked(&[forged.into_bytes()]),
        Err(SignatureProblem::Wrong)
    );
}

#[test]
fn attack_the_signature_of_another_artifact() {
    let swapped = signed(OURS, b"another manifest", "reg.example/team/tool:1");
    assert_eq!(checked(&[swapped]), Err(SignatureProblem::Wrong));
}

#[test]
fn attack_an_older_artifact_under_a_newer_tag() {
    for (name, shown) in [
        ("reg.example/team/tool:0.9", "team/tool:0.9"),
        ("reg.example/team/other:1", "team/other:1"),
    ] {
        let older = signed(OURS, b"manifest", name);
        let expected = SignatureProblem::OtherName(shown.to_owned());
        assert_eq!(checked(&[older]), Err(expected));
    }
    // Asked for by its digest, it is the one that was asked for, whatever its tag.
    let older = signed(OURS, b"manifest", "reg.example/team/tool:0.9");
    let keys = [TrustedKey::read(OURS_PUBLIC).unwrap()];
    let by_digest = format!("reg.example/team/tool@{}", Sha256::of(b"manifest"));
    assert_eq!(
        check(b"manifest", &reference(&by_digest), &[older], &keys),
        Ok(())
    );
}

#[test]
fn attack_a_name_that_was_changed_after_signing() {
    let older = String::from_utf8(signed(OURS, b"manifest", "reg.example/team/tool:0.9")).unwrap();
    let renamed = older.replace("team/tool:0.9", "team/tool:1");
    assert_eq!(
        checked(&[renamed.into_bytes()]),
        Err(SignatureProblem::Wrong)
    );
}

#[test]
fn attack_a_signature_of_the_older_kind() {
    assert_eq!(
        checked(&[LEGACY.as_bytes().to_vec()]),
        Err(SignatureProblem::Malformed)
    );
}

#[test]
fn attack_what_is_no_signature() {
    for text in [
        "",
        "\n\n\n\n",
        "untrusted comment: \nAAAA\ntrusted comment: \nAAAA",
        "\u{1b}[2J",
    ] {
        assert_eq!(
            checked(&[text.into()]),
            Err(SignatureProblem::Malformed),
            "{text:?}"
        );
    }
    assert_eq!(
        checked(&[vec![0xff; 1000]]),
        Err(SignatureProblem::Malformed)
    );
}

#[test]
fn keys_are_read_as_minisign_writes_them() {
    let line = OURS_PUBLIC.lines().nth(1).unwrap();
    assert_eq!(
        TrustedKey::read(line).unwrap(),
        TrustedKey::read(OURS_PUBLIC).unwrap()
    );
    for text in ["", "RW", OURS, "RWQyK/xGBjmXDQ1umZBuySKQ7BrQF+7p"] {
        assert!(
            matches!(TrustedKey::read(text), Err(KeyError::Public)),
            "{text}"
        );
    }
    assert!(SigningKey::is_locked(LOCKED) && !SigningKey::is_locked(OURS));
    assert!(matches!(
        SigningKey::read(LOCKED, None),
        Err(KeyError::Locked)
    ));
    for text in ["", "a\nb", OURS_PUBLIC] {
        assert!(
            matches!(SigningKey::read(text, None), Err(KeyError::Secret)),
            "{text}"
        );
    }
}

#[test]
fn attack_a_secret_key_whose_public_half_is_another() {
    let mut bytes = STANDARD.decode(OURS.lines().nth(1).unwrap()).unwrap();
    let end = bytes.len() - 32;
    bytes[end - 1] ^= 1;
    let text = format!("untrusted comment: x\n{}\n", STANDARD.encode(bytes));
    assert!(matches!(
        SigningKey::read(&text, None),
        Err(KeyError::Secret)
    ));
}

/// A key of our own that costs little to unlock: minisign's take a gigabyte.
const CHEAP: &str = include_str!("../../tests/minisign/cheap.key");

#[test]
fn a_locked_key_is_opened_by_its_password_and_by_no_other() {
    let read = |password: &str| SigningKey::read(CHEAP, Some(password.to_owned()));
    assert!(matches!(read("other"), Err(KeyError::Password)));
    let text = read("secret")
        .unwrap()
        .sign(b"manifest", &reference("reg.example/team/tool:1"));
    assert_eq!(checked(&[text.into_bytes()]), Ok(()));
}

#[test]
fn attack_a_key_that_takes_all_memory_to_unlock() {
    let mut bytes = STANDARD.decode(CHEAP.lines().nth(1).unwrap()).unwrap();
    bytes[46..54].copy_from_slice(&u64::MAX.to_le_bytes());
    let text = format!("untrusted comment: x\n{}\n", STANDARD.encode(bytes));
    let read = SigningKey::read(&text, Some("secret".to_owned()));
    assert!(matches!(read, Err(KeyError::Secret)));
}
