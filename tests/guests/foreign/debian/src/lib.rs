//! What Debian's wasi-libc, which is from 2022, lacks and today's has.
//!
//! Its allocator takes all memory that the program has when it first allocates. A module that runs as a component shares its
//! memory with an adapter, which takes its own part on the first call out; were that the earlier of the two, both would use
//! it. So the first allocation is made here, before anything else.
//!
//! Threads can be asked for and are refused. Rust's library refers to these functions; a program that can do without threads
//! sees the refusal and does the work itself.
//!
//! Permissions cannot be changed, and no path is made absolute: WASI 0.1 has neither.
#![no_std]
#![feature(thread_local)]

use core::{
    ffi::{c_char, c_int, c_void},
    hint::black_box,
    ptr,
};

/// `ENOTSUP` of WASI 0.1.
const NOT_SUPPORTED: c_int = 58;

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
    #[thread_local]
    static mut errno: c_int;
}

extern "C" fn settle_memory() {
    // The compiler knows these two by name, and would leave out a pair that nobody looks at.
    // SAFETY: the allocator needs no set-up, and the block is freed as it came.
    unsafe { free(black_box(malloc(1))) }
}

/// The lowest number runs first: before wasi-libc looks for its folders.
#[used]
#[unsafe(link_section = ".init_array.00001")]
static SETTLE_MEMORY: extern "C" fn() = settle_memory;

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
