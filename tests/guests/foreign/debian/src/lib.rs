//! What Debian's wasi-libc, which is from 2022, lacks and today's has.
//!
//! Its allocator takes all memory that the program has when it first allocates. A module that runs as a component shares its
//! memory with an adapter, which takes its own part before the program starts, so that both would use it. What the allocator
//! is told to begin with is therefore what the linker laid out, and no more.
//!
//! It gives a file a second name by two paths, of which the second is written over the first.
//!
//! Threads can be asked for and are refused. Rust's library refers to these functions; a program that can do without threads
//! sees the refusal and does the work itself.
//!
//! Permissions cannot be changed, and no path is made absolute: WASI 0.1 has neither.
#![no_std]
#![feature(thread_local)]

use core::{
    ffi::{c_char, c_int, c_void},
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};

/// `ENOTSUP` of WASI 0.1.
const NOT_SUPPORTED: c_int = 58;

/// `AT_FDCWD` of wasi-libc.
const WORKING_FOLDER: c_int = -2;

unsafe extern "C" {
    /// Where the memory ends that the program starts with. The linker's.
    static __heap_end: u8;
    #[link_name = "__real_sbrk"]
    fn real_sbrk(increment: isize) -> *mut c_void;
    #[link_name = "__real_linkat"]
    fn real_linkat(
        old_folder: c_int,
        old: *const c_char,
        new_folder: c_int,
        new: *const c_char,
        flags: c_int,
    ) -> c_int;
    fn link(old: *const c_char, new: *const c_char) -> c_int;
    #[thread_local]
    static mut errno: c_int;
}

/// Whether the allocator has been told where its memory ends.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Stands before `sbrk` (`--wrap`). The allocator asks first how much there is.
#[unsafe(export_name = "__wrap_sbrk")]
extern "C" fn sbrk(increment: isize) -> *mut c_void {
    if increment == 0 && !TOLD.swap(true, Ordering::Relaxed) {
        return (&raw const __heap_end).cast_mut().cast();
    }
    // SAFETY: as whoever called.
    unsafe { real_sbrk(increment) }
}

/// Stands before `linkat` (`--wrap`): `link` keeps its two paths apart.
#[unsafe(export_name = "__wrap_linkat")]
unsafe extern "C" fn linkat(
    old_folder: c_int,
    old: *const c_char,
    new_folder: c_int,
    new: *const c_char,
    flags: c_int,
) -> c_int {
    if (old_folder, new_folder, flags) == (WORKING_FOLDER, WORKING_FOLDER, 0) {
        // SAFETY: as whoever called.
        return unsafe { link(old, new) };
    }
    // SAFETY: as whoever called.
    unsafe { real_linkat(old_folder, old, new_folder, new, flags) }
}

// SAFETY of the names below: wasi-libc of this age has no function of any of them.

#[unsafe(no_mangle)]
extern "C" fn pthread_attr_init(_attributes: *mut c_void) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn pthread_attr_setstacksize(_attributes: *mut c_void, _size: usize) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn pthread_attr_destroy(_attributes: *mut c_void) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn pthread_create(
    _thread: *mut c_void,
    _attributes: *const c_void,
    _start: extern "C" fn(*mut c_void) -> *mut c_void,
    _argument: *mut c_void,
) -> c_int {
    NOT_SUPPORTED
}

#[unsafe(no_mangle)]
extern "C" fn pthread_join(_thread: *mut c_void, _result: *mut *mut c_void) -> c_int {
    NOT_SUPPORTED
}

#[unsafe(no_mangle)]
extern "C" fn pthread_detach(_thread: *mut c_void) -> c_int {
    NOT_SUPPORTED
}

fn refuse() -> c_int {
    // SAFETY: there is one thread.
    unsafe { errno = NOT_SUPPORTED };
    -1
}

#[unsafe(no_mangle)]
extern "C" fn chmod(_path: *const c_char, _mode: u32) -> c_int {
    refuse()
}

#[unsafe(no_mangle)]
extern "C" fn fchmod(_file: c_int, _mode: u32) -> c_int {
    refuse()
}

#[unsafe(no_mangle)]
extern "C" fn realpath(_path: *const c_char, _resolved: *mut c_char) -> *mut c_char {
    refuse();
    ptr::null_mut()
}
