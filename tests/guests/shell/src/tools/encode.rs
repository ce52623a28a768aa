//! `sha256sum` and `base64`.

use sha2::{Digest, Sha256};

use super::{Call, Done, Trouble};

pub(super) fn sha256sum(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("cbts", "", &[("check", 'c'), ("status", 's')])?;
    let (files, mut status) = call.read_all(&arguments.operands);
    for (path, bytes) in files {
        if !arguments.has('c') {
            call.out
                .extend(format!("{}  {path}\n", digest(&bytes)).bytes());
            continue;
        }
        for line in String::from_utf8_lossy(&bytes).lines() {
            let Some((sum, path)) = line.split_once("  ") else {
                return Err("no properly formatted checksum lines found".into());
            };
            let is_same = call.read(path).is_ok_and(|bytes| digest(&bytes) == sum);
            status |= u8::from(!is_same);
            if !arguments.has('s') {
                let answer = if is_same { "OK" } else { "FAILED" };
                call.out.extend(format!("{path}: {answer}\n").bytes());
            }
        }
    }
    Ok(status)
}

fn digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn base64(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("di", "w", &[("decode", 'd'), ("wrap", 'w')])?;
    let path = arguments.operands.first().map_or("-", String::as_str);
    let bytes = call.read(path)?;
    if arguments.has('d') {
        call.out = decoded(&bytes).ok_or(Trouble::from("invalid input"))?;
        return Ok(0);
    }
    let wrap = arguments.number('w')?.unwrap_or(76);
    let text = encoded(&bytes);
    match usize::try_from(wrap) {
        Ok(width) if width > 0 => {
            for line in text.as_bytes().chunks(width) {
                call.out.extend(line);
                call.out.push(b'\n');
            }
        }
        _ => call.out.extend(text.bytes()),
    }
    Ok(0)
}

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let sextet = (group >> (18 - 6 * at)) & 63;
            text.push(if at <= chunk.len() {
                char::from(ALPHABET[sextet as usize])
            } else {
                '='
            });
        }
    }
    text
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut group, mut bits) = (0_u32, 0);
    for character in text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=')
    {
        let sextet = ALPHABET.iter().position(|known| known == character)?;
        group = group << 6 | u32::try_from(sextet).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(group >> bits & 255).ok()?);
        }
    }
    Some(bytes)
}
