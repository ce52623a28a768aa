//! `end_out_of_bounds`: reads memory that is not there.

#![expect(unsafe_code, reason = "the point is to read where nothing is")]

fn main() {
    let address = std::hint::black_box(0xffff_0000_usize) as *const u8;
    // SAFETY: none. The address is beyond the memory, and the engine stops the program there.
    let byte = unsafe { address.read_volatile() };
    println!("ok {byte}");
}
