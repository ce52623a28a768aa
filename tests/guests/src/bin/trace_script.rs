//! `trace_script SCRIPT`: does one thing with files after the other, a line each, and prints what came of it. What it reads
//! decides what it does next.
//!
//! A line is a word and its operands. A handle is a number: 0 and 1 are the first two folders that are open at the start. The
//! path `@` is what was read last, `~` is a name of the folder that was listed last; `skip N` leaves out the next N lines
//! if what was printed so far has an odd checksum.

#![expect(
    unsafe_code,
    reason = "wasip1 marks every call unsafe, for a descriptor is a bare number; ours come from its own calls"
)]

use std::fmt::Write as _;

use wasip1::{Ciovec, Errno, Fd, Iovec};

/// How many things a script may hold open.
const HANDLES: usize = 8;

/// How much of what was read becomes a path.
const NAME_BYTES: usize = 24;

/// No descriptor has this number.
const CLOSED: Fd = Fd::MAX;

fn main() {
    let script = std::env::args().nth(1).expect("a script");
    let mut machine = Machine {
        handles: [CLOSED; HANDLES],
        last: String::from("nothing"),
        names: Vec::new(),
        told: String::new(),
    };
    machine.handles[0] = 3;
    machine.handles[1] = 4;
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        if let Some(count) = line.strip_prefix("skip ") {
            let count: usize = count.parse().expect("a number");
            if machine.checksum() % 2 == 1 {
                lines.nth(count.saturating_sub(1));
            }
            continue;
        }
        let told = match machine.act(line) {
            Ok(told) => format!("ok {told}"),
            Err(errno) => format!("err {}", errno.name()),
        };
        writeln!(machine.told, "{line}: {told}").expect("a string takes it");
    }
    print!("{}", machine.told);
}

struct Machine {
    handles: [Fd; HANDLES],
    last: String,
    names: Vec<String>,
    told: String,
}

impl Machine {
    fn checksum(&self) -> u64 {
        let bytes = self.told.bytes();
        bytes.fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3) ^ (sum >> 40)
        }) >> 17
    }

    fn handle(&self, word: &str) -> Fd {
        self.handles[word.parse::<usize>().expect("a handle")]
    }

    fn path(&self, word: &str) -> String {
        match word {
            "@" => self.last.clone(),
            "~" if self.names.is_empty() => "none".to_owned(),
            "~" => {
                let at = self.checksum() % self.names.len() as u64;
                self.names[usize::try_from(at).expect("small")].clone()
            }
            word => word.to_owned(),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let clean = |character: &char| character.is_ascii_graphic();
        self.last = text.chars().filter(clean).take(NAME_BYTES).collect();
        text
    }

    fn act(&mut self, line: &str) -> Result<String, Errno> {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: &str| word.parse::<u64>().expect("a number");
        // SAFETY: every descriptor comes from a call before, or is refused by the host; every buffer outlives its call.
        unsafe {
            match *words.as_slice() {
                ["open", slot, dir, path, flags] => {
                    let has = |flag| flags.contains(flag);
                    let mut oflags = 0;
                    for (flag, value) in [
                        ('c', wasip1::OFLAGS_CREAT),
                        ('t', wasip1::OFLAGS_TRUNC),
                        ('x', wasip1::OFLAGS_EXCL),
                        ('d', wasip1::OFLAGS_DIRECTORY),
                    ] {
                        if has(flag) {
                            oflags |= value;
                        }
                    }
                    let mut rights = 0;
                    if has('r') {
                        rights |= wasip1::RIGHTS_FD_READ | wasip1::RIGHTS_FD_READDIR;
                    }
                    if has('w') {
                        rights |= wasip1::RIGHTS_FD_WRITE;
                    }
                    let append = if has('a') { wasip1::FDFLAGS_APPEND } else { 0 };
                    let follow = u32::from(has('f'));
                    let path = self.path(path);
                    let dir = self.handle(dir);
                    let opened =
                        wasip1::path_open(dir, follow, &path, oflags, rights, rights, append)?;
                    let slot: usize = slot.parse().expect("a handle");
                    let before = std::mem::replace(&mut self.handles[slot], opened);
                    if before != CLOSED {
                        wasip1::fd_close(before)?;
                    }
                    Ok(String::new())
                }
                ["close", slot] => {
                    let slot: usize = slot.parse().expect("a handle");
                    wasip1::fd_close(std::mem::replace(&mut self.handles[slot], CLOSED))?;
                    Ok(String::new())
                }
                ["read", slot, count] => {
                    let mut bytes = vec![0; number(count) as usize];
                    let part = [Iovec {
                        buf: bytes.as_mut_ptr(),
                        buf_len: bytes.len(),
                    }];
                    let read = wasip1::fd_read(self.handle(slot), &part)?;
                    Ok(self.take(&bytes[..read]))
                }
                ["pread", slot, offset, count] => {
                    let mut bytes = vec![0; number(count) as usize];
                    let part = [Iovec {
                        buf: bytes.as_mut_ptr(),
                        buf_len: bytes.len(),
                    }];
                    let read = wasip1::fd_pread(self.handle(slot), &part, number(offset))?;
                    Ok(self.take(&bytes[..read]))
                }
                ["write", slot, text] => {
                    let text = self.path(text);
                    let part = [Ciovec {
                        buf: text.as_ptr(),
                        buf_len: text.len(),
                    }];
                    Ok(wasip1::fd_write(self.handle(slot), &part)?.to_string())
                }
                ["pwrite", slot, offset, text] => {
                    let text = self.path(text);
                    let part = [Ciovec {
                        buf: text.as_ptr(),
                        buf_len: text.len(),
                    }];
                    let written = wasip1::fd_pwrite(self.handle(slot), &part, number(offset))?;
                    Ok(written.to_string())
                }
                ["size", slot, size] => {
                    wasip1::fd_filestat_set_size(self.handle(slot), number(size))?;
                    Ok(String::new())
                }
                ["fstat", slot] => {
                    let stat = wasip1::fd_filestat_get(self.handle(slot))?;
                    Ok(format!("{:?} {}", stat.filetype, stat.size))
                }
                ["stat", dir, path, follow] => {
                    let (dir, path) = (self.handle(dir), self.path(path));
                    let stat = wasip1::path_filestat_get(dir, number(follow) as u32, &path)?;
                    Ok(format!("{:?} {} {:x}", stat.filetype, stat.size, stat.ino))
                }
                ["list", slot] => self.list(slot),
                ["readlink", dir, path] => {
                    let mut bytes = [0; 256];
                    let (dir, path) = (self.handle(dir), self.path(path));
                    let read = wasip1::path_readlink(dir, &path, bytes.as_mut_ptr(), bytes.len())?;
                    Ok(self.take(&bytes[..read]))
                }
                ["mkdir", dir, path] => {
                    wasip1::path_create_directory(self.handle(dir), &self.path(path))?;
                    Ok(String::new())
                }
                ["rmdir", dir, path] => {
                    wasip1::path_remove_directory(self.handle(dir), &self.path(path))?;
                    Ok(String::new())
                }
                ["unlink", dir, path] => {
                    wasip1::path_unlink_file(self.handle(dir), &self.path(path))?;
                    Ok(String::new())
                }
                ["rename", dir, path, to, new] => {
                    let (path, new) = (self.path(path), self.path(new));
                    wasip1::path_rename(self.handle(dir), &path, self.handle(to), &new)?;
                    Ok(String::new())
                }
                ["symlink", target, dir, path] => {
                    let (target, path) = (self.path(target), self.path(path));
                    wasip1::path_symlink(&target, self.handle(dir), &path)?;
                    Ok(String::new())
                }
                ["link", dir, path, to, new] => {
                    let (path, new) = (self.path(path), self.path(new));
                    wasip1::path_link(self.handle(dir), 0, &path, self.handle(to), &new)?;
                    Ok(String::new())
                }
                _ => panic!("not a line: {line}"),
            }
        }
    }

    /// All names of a folder, each with its type.
    fn list(&mut self, slot: &str) -> Result<String, Errno> {
        let mut bytes = vec![0; 16 << 10];
        // SAFETY: the buffer outlives the call.
        let read =
            unsafe { wasip1::fd_readdir(self.handle(slot), bytes.as_mut_ptr(), bytes.len(), 0) }?;
        let mut rest = &bytes[..read];
        let mut told = String::new();
        self.names.clear();
        // An entry is a head of 24 bytes, with the length of the name at 16 and the type at 20, and the name.
        while let Some((head, tail)) = rest.split_at_checked(24) {
            let length = u32::from_le_bytes([head[16], head[17], head[18], head[19]]);
            let Some((name, after)) = tail.split_at_checked(length as usize) else {
                break;
            };
            let name = String::from_utf8_lossy(name).into_owned();
            write!(told, "{}:{name} ", head[20]).expect("a string takes it");
            if !matches!(name.as_str(), "." | "..") {
                self.names.push(name);
            }
            rest = after;
        }
        Ok(told)
    }
}
