//! The calls of `wasi:filesystem/types`.
//!
//! Each one checks what the descriptor allows, counts what it costs, and does it; nothing is decided about paths here.

use std::os::fd::AsFd;

use stepwell_contract::{Kind, Question};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

use super::error::code_of_stream_error;
use super::open::{Descriptor, OpenDir, OpenFile};
use super::stat::{self, PathHash};
use super::stream::{FileReader, FileWriter, hole_before, read_at, write_at};
use super::{FsError, FsResult, Listing};
use crate::bindings::imports::wasi::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use crate::guest::Guest;
use crate::trace::{Looked, settle};
use crate::wasi::io::CHUNK_BYTES;

type Fd = Resource<Descriptor>;

fn file<'a>(table: &'a ResourceTable, fd: &Fd) -> FsResult<&'a OpenFile> {
    match table.get(fd)? {
        Descriptor::File(file) => Ok(file),
        Descriptor::Dir(_) => Err(ErrorCode::IsDirectory.into()),
    }
}

fn writable_file<'a>(table: &'a ResourceTable, fd: &Fd) -> FsResult<&'a OpenFile> {
    let file = file(table, fd)?;
    if file.writable {
        Ok(file)
    } else {
        Err(ErrorCode::BadDescriptor.into())
    }
}

fn dir<'a>(table: &'a ResourceTable, fd: &Fd) -> FsResult<&'a OpenDir> {
    match table.get(fd)? {
        Descriptor::Dir(dir) => Ok(dir),
        Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
    }
}

/// A directory that may be changed.
fn writable_dir<'a>(table: &'a ResourceTable, fd: &Fd) -> FsResult<&'a OpenDir> {
    let dir = dir(table, fd)?;
    dir.check_writable()?;
    Ok(dir)
}

/// Both ends of a link or a rename. They must be of one mount: what a step may write in one place it must not carry
/// to another (GHSA-4ch3-9j33-3pmj), and mounts of different volumes are different devices.
fn writable_pair<'a>(
    table: &'a ResourceTable,
    from: &Fd,
    to: &Fd,
) -> FsResult<(&'a OpenDir, &'a OpenDir)> {
    let (from, to) = (writable_dir(table, from)?, writable_dir(table, to)?);
    if std::sync::Arc::ptr_eq(&from.mount, &to.mount) {
        Ok((from, to))
    } else {
        Err(ErrorCode::CrossDevice.into())
    }
}

/// Refuses a time that no file can have. The guest is told; nothing is set, because times are pinned.
fn check_time(time: NewTimestamp) -> FsResult<()> {
    match time {
        NewTimestamp::Timestamp(time)
            if time.nanoseconds >= 1_000_000_000 || i64::try_from(time.seconds).is_err() =>
        {
            Err(ErrorCode::Invalid.into())
        }
        _ => Ok(()),
    }
}

impl types::Host for Guest {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        match error {
            FsError::Code(code) => Ok(code),
            FsError::Trap(cause) => Err(cause),
        }
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        code_of_stream_error(&self.table, &error)
    }
}

impl types::HostDescriptor for Guest {
    fn read_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynInputStream>> {
        let file = file(&self.table, &fd)?;
        if !file.readable {
            return Err(ErrorCode::BadDescriptor.into());
        }
        let reader = FileReader::new(file.counted.clone(), offset);
        Ok(self.table.push(Box::new(reader) as DynInputStream)?)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynOutputStream>> {
        self.writer(&fd, Some(offset))
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        self.writer(&fd, None)
    }

    fn advise(&mut self, fd: Fd, _offset: u64, _length: u64, _advice: Advice) -> FsResult<()> {
        match self.table.get(&fd)? {
            Descriptor::File(_) => Ok(()),
            Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor.into()),
        }
    }

    fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        if let Descriptor::File(file) = self.table.get(&fd)? {
            let synced = file.counted.file.sync_data();
            file.counted.changed("sync", synced)?;
        }
        Ok(())
    }

    fn sync(&mut self, fd: Fd) -> FsResult<()> {
        if let Descriptor::File(file) = self.table.get(&fd)? {
            let synced = file.counted.file.sync_all();
            file.counted.changed("sync", synced)?;
        }
        Ok(())
    }

    fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        let mut flags = DescriptorFlags::empty();
        match self.table.get(&fd)? {
            Descriptor::File(file) => {
                if file.readable {
                    flags |= DescriptorFlags::READ;
                }
                if file.writable {
                    flags |= DescriptorFlags::WRITE;
                }
            }
            Descriptor::Dir(dir) => {
                flags |= DescriptorFlags::READ;
                if dir.is_writable() {
                    flags |= DescriptorFlags::MUTATE_DIRECTORY;
                }
            }
        }
        Ok(flags)
    }

    fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        Ok(match self.table.get(&fd)? {
            Descriptor::File(_) => DescriptorType::RegularFile,
            Descriptor::Dir(_) => DescriptorType::Directory,
        })
    }

    fn set_size(&mut self, fd: Fd, size: u64) -> FsResult<()> {
        let file = writable_file(&self.table, &fd)?;
        let current = file.counted.file.metadata()?.len();
        self.meter.write(size.saturating_sub(current))?;
        let set = file.counted.file.set_len(size);
        file.counted.changed("set the size of", set)?;
        self.forget_fresh(&fd)
    }

    fn set_times(
        &mut self,
        fd: Fd,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        check_time(access)?;
        check_time(modification)?;
        match self.table.get(&fd)? {
            Descriptor::File(file) if !file.writable => Err(ErrorCode::NotPermitted.into()),
            Descriptor::File(_) => Ok(()),
            Descriptor::Dir(dir) => dir.check_writable(),
        }
    }

    fn read(&mut self, fd: Fd, length: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        let file = file(&self.table, &fd)?;
        if !file.readable {
            return Err(ErrorCode::BadDescriptor.into());
        }
        let length = usize::try_from(length)
            .unwrap_or(usize::MAX)
            .min(CHUNK_BYTES);
        let bytes = read_at(&file.counted, length, offset)?;
        let at_end = bytes.is_empty() && length > 0;
        Ok((bytes, at_end))
    }

    fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        let file = writable_file(&self.table, &fd)?;
        let hole = hole_before(&file.counted, offset)?;
        self.meter.write(hole.saturating_add(bytes.len() as u64))?;
        write_at(&file.counted, &bytes, offset)?;
        self.forget_fresh(&fd)?;
        Ok(bytes.len() as u64)
    }

    fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<Listing>> {
        let shown = dir(&self.table, &fd)?;
        let read = Listing::read(&shown.dir);
        if let Some(at) = &shown.at {
            match &read {
                Ok(listing) => at.listed(&listing.raw()),
                Err(error) => at.unlisted(error),
            }
        }
        let listing = read?;
        if let Descriptor::Dir(dir) = self.table.get_mut(&fd)? {
            dir.listed = Some((self.files.changes, listing.names()));
        }
        Ok(self.table.push(listing)?)
    }

    fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let dir = writable_dir(&self.table, &fd)?;
        let at = dir.at.as_ref();
        let change = at.map(|at| at.making("create", &path));
        dir.check_trailing_slash(&path)?;
        self.meter.create()?;
        settle(change, dir.dir.create_dir(path))?;
        self.changed()
    }

    fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        let pinned = self.files.pinned;
        match self.table.get_mut(&fd)? {
            Descriptor::File(file) => {
                let stat = match file.fresh.take() {
                    Some(stat) => stat,
                    None => rustix::fs::fstat(file.counted.file.as_fd())?,
                };
                if let Some(seen) = &file.counted.seen {
                    seen.stat(&stat);
                }
                Ok(stat::of_open(&stat, pinned))
            }
            Descriptor::Dir(dir) => Ok(stat::of_open(&rustix::fs::fstat(dir.dir.as_fd())?, pinned)),
        }
    }

    fn stat_at(&mut self, fd: Fd, follow: PathFlags, path: String) -> FsResult<DescriptorStat> {
        self.look(&fd, follow, &path, Question::Stat)
    }

    fn set_times_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: String,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        check_time(access)?;
        check_time(modification)?;
        writable_dir(&self.table, &fd)?;
        self.look(&fd, follow, &path, Question::Kind).map(drop)
    }

    fn link_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: String,
        new_fd: Fd,
        new_path: String,
    ) -> FsResult<()> {
        if follow.contains(PathFlags::SYMLINK_FOLLOW) {
            return Err(ErrorCode::Invalid.into());
        }
        let (from, to) = writable_pair(&self.table, &fd, &new_fd)?;
        let ends = from.at.as_ref().zip(to.at.as_ref());
        let change = ends.map(|(from, to)| from.linking(&path, to, &new_path));
        from.check_trailing_slash(&path)?;
        to.check_trailing_slash(&new_path)?;
        self.meter.create()?;
        settle(change, from.dir.hard_link(path, &to.dir, new_path))?;
        self.changed()
    }

    fn open_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let dir = dir(&self.table, &fd)?;
        let (descriptor, created) = dir.open(&mut self.meter, follow, &path, how, flags)?;
        if created {
            self.changed()?;
        }
        Ok(self.table.push(descriptor)?)
    }

    fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        let dir = dir(&self.table, &fd)?;
        let target = match &dir.at {
            Some(at) => at.read_link(&dir.dir, &path)?,
            None => dir.dir.read_link(path)?,
        };
        target
            .into_os_string()
            .into_string()
            .map_err(|_| ErrorCode::IllegalByteSequence.into())
    }

    fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let dir = writable_dir(&self.table, &fd)?;
        let change = dir.at.as_ref().map(|at| at.removing(&path));
        dir.check_trailing_slash(&path)?;
        // No link, so the slash says nothing; cap-std would refuse it.
        let stripped = path.trim_end_matches('/');
        let named = if stripped.is_empty() { &path } else { stripped };
        settle(change, dir.dir.remove_dir(named))?;
        self.changed()
    }

    fn rename_at(&mut self, fd: Fd, path: String, new_fd: Fd, new_path: String) -> FsResult<()> {
        let (from, to) = writable_pair(&self.table, &fd, &new_fd)?;
        let ends = from.at.as_ref().zip(to.at.as_ref());
        let change = ends.map(|(from, to)| from.moving(&path, to, &new_path));
        from.check_trailing_slash(&path)?;
        to.check_trailing_slash(&new_path)?;
        settle(change, from.dir.rename(path, &to.dir, new_path))?;
        self.changed()
    }

    fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> FsResult<()> {
        let dir = writable_dir(&self.table, &fd)?;
        let at = dir.at.as_ref();
        let change = at.map(|at| at.making("make a link at", &path));
        dir.check_trailing_slash(&path)?;
        self.meter.create()?;
        settle(change, dir.dir.symlink(target, path))?;
        self.changed()
    }

    fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let dir = writable_dir(&self.table, &fd)?;
        let change = dir.at.as_ref().map(|at| at.removing(&path));
        dir.check_trailing_slash(&path)?;
        settle(change, dir.dir.remove_file(path))?;
        self.changed()
    }

    fn is_same_object(&mut self, fd: Fd, other: Fd) -> wasmtime::Result<bool> {
        let identity = |fd: &Fd| -> wasmtime::Result<_> {
            let stat = match self.table.get(fd)? {
                Descriptor::File(file) => rustix::fs::fstat(file.counted.file.as_fd()),
                Descriptor::Dir(dir) => rustix::fs::fstat(dir.dir.as_fd()),
            };
            Ok(stat.ok())
        };
        let pair = identity(&fd)?.zip(identity(&other)?);
        if let (Some((one, other)), Some(tracer)) = (&pair, &self.files.tracer) {
            let has_other_names = [one, other]
                .iter()
                .any(|stat| matches!(Kind::of(stat), Kind::File { shared: true, .. }));
            tracer.compared(has_other_names);
        }
        let key = |stat: &rustix::fs::Stat| (stat.st_dev, stat.st_ino);
        Ok(pair.is_some_and(|(one, other)| key(&one) == key(&other)))
    }

    fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        Ok(match self.table.get(&fd)? {
            Descriptor::File(file) => file.path,
            Descriptor::Dir(dir) => PathHash::of(&dir.path),
        }
        .into())
    }

    fn metadata_hash_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let dir = dir(&self.table, &fd)?;
        // What a listing has just shown is there, and its identity is its path: no need to ask the kernel.
        let was_listed = dir.listed.as_ref().is_some_and(|(changes, names)| {
            *changes == self.files.changes
                && names
                    .binary_search_by(|name| (**name).cmp(path.as_str()))
                    .is_ok()
        });
        let hash = PathHash::of(&dir.join(&path));
        if !was_listed {
            self.look(&fd, follow, &path, Question::Kind)?;
        }
        Ok(hash.into())
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        self.table.delete(fd)?;
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for Guest {
    fn read_directory_entry(
        &mut self,
        listing: Resource<Listing>,
    ) -> FsResult<Option<DirectoryEntry>> {
        self.table.get_mut(&listing)?.next()
    }

    fn drop(&mut self, listing: Resource<Listing>) -> wasmtime::Result<()> {
        self.table.delete(listing)?;
        Ok(())
    }
}

impl Guest {
    /// What is at `path`; `question` says how much of it the guest is told.
    fn look(
        &self,
        fd: &Fd,
        follow: PathFlags,
        path: &str,
        question: Question,
    ) -> FsResult<DescriptorStat> {
        let dir = dir(&self.table, fd)?;
        let follow = follow.contains(PathFlags::SYMLINK_FOLLOW);
        let pinned = self.files.pinned;
        let metadata = match (&dir.at, follow) {
            (Some(at), _) => match at.look(&dir.dir, path, follow, question)? {
                Looked::Stat(stat) => return Ok(stat::of_open(&stat, pinned)),
                Looked::Metadata(metadata) => metadata,
            },
            (None, true) => dir.dir.metadata(path)?,
            (None, false) => dir.dir.symlink_metadata(path)?,
        };
        Ok(stat::of_path(&metadata, pinned))
    }

    fn writer(&mut self, fd: &Fd, position: Option<u64>) -> FsResult<Resource<DynOutputStream>> {
        let counted = writable_file(&self.table, fd)?.counted.clone();
        self.forget_fresh(fd)?;
        let writer = FileWriter::new(counted, position, self.meter.writes());
        Ok(self.table.push(Box::new(writer) as DynOutputStream)?)
    }

    /// What the file looked like when it was opened no longer counts.
    fn forget_fresh(&mut self, fd: &Fd) -> FsResult<()> {
        if let Descriptor::File(file) = self.table.get_mut(fd)? {
            file.fresh = None;
        }
        Ok(())
    }

    /// Something was created, removed or renamed: no earlier listing counts any more.
    fn changed(&mut self) -> FsResult<()> {
        self.files.changes += 1;
        Ok(())
    }
}
