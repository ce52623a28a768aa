//! What commands read from and write to. There are no processes: a pipe is a buffer that is full before it is read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::rc::Rc;

/// Something to write to; copies write to the same place.
#[derive(Clone)]
pub struct Output(Rc<RefCell<Sink>>);

enum Sink {
    Stdout,
    Stderr,
    File(File),
    Buffer(Vec<u8>),
    Nothing,
}

impl Output {
    fn new(sink: Sink) -> Self {
        Self(Rc::new(RefCell::new(sink)))
    }

    /// A buffer, whose content [`Output::taken`] hands out.
    pub fn buffer() -> Self {
        Self::new(Sink::Buffer(Vec::new()))
    }

    /// An open file.
    pub fn file(file: File) -> Self {
        Self::new(Sink::File(file))
    }

    /// Where everything is lost.
    pub fn nothing() -> Self {
        Self::new(Sink::Nothing)
    }

    /// What was written to a buffer since it was last asked for.
    pub fn taken(&self) -> Vec<u8> {
        match &mut *self.0.borrow_mut() {
            Sink::Buffer(bytes) => std::mem::take(bytes),
            _ => Vec::new(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *self.0.borrow_mut() {
            Sink::Stdout => io::stdout().write(bytes),
            Sink::Stderr => io::stderr().write(bytes),
            Sink::File(file) => file.write(bytes),
            Sink::Buffer(buffer) => buffer.write(bytes),
            Sink::Nothing => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut *self.0.borrow_mut() {
            Sink::Stdout => io::stdout().flush(),
            Sink::File(file) => file.flush(),
            Sink::Stderr | Sink::Buffer(_) | Sink::Nothing => Ok(()),
        }
    }
}

/// Something to read from; copies go on where the last one stopped.
#[derive(Clone)]
pub struct Input(Rc<RefCell<dyn BufRead>>);

impl Input {
    /// Bytes that are there already.
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self(Rc::new(RefCell::new(Cursor::new(bytes))))
    }

    /// An open file.
    pub fn file(file: File) -> Self {
        Self(Rc::new(RefCell::new(BufReader::new(file))))
    }

    /// One line with its end, or nothing at the end.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn line(&self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.0.borrow_mut().read_until(b'\n', &mut line)?;
        Ok(line)
    }

    /// The rest.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn rest(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.borrow_mut().read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(into)
    }
}

/// A file descriptor's end.
#[derive(Clone)]
pub enum Stream {
    /// It is read from.
    In(Input),
    /// It is written to.
    Out(Output),
}

/// The open file descriptors.
#[derive(Clone)]
pub struct Streams(BTreeMap<u32, Stream>);

impl Streams {
    /// Those of the program itself.
    pub fn standard() -> Self {
        let input = Input(Rc::new(RefCell::new(BufReader::new(io::stdin()))));
        Self::new(input, Output::new(Sink::Stdout), Output::new(Sink::Stderr))
    }

    /// Three of the caller's.
    pub fn new(input: Input, output: Output, errors: Output) -> Self {
        Self(BTreeMap::from([
            (0, Stream::In(input)),
            (1, Stream::Out(output)),
            (2, Stream::Out(errors)),
        ]))
    }

    /// The stream of a number.
    pub fn get(&self, fd: u32) -> Option<&Stream> {
        self.0.get(&fd)
    }

    /// Opens a number anew.
    pub fn set(&mut self, fd: u32, stream: Stream) {
        self.0.insert(fd, stream);
    }

    /// Closes a number.
    pub fn close(&mut self, fd: u32) {
        self.0.remove(&fd);
    }

    /// What a number reads from; nothing where it is closed.
    pub fn input(&self, fd: u32) -> Input {
        match self.0.get(&fd) {
            Some(Stream::In(input)) => input.clone(),
            _ => Input::bytes(Vec::new()),
        }
    }

    /// What a number writes to; what is written is lost where it is closed.
    pub fn output(&self, fd: u32) -> Output {
        match self.0.get(&fd) {
            Some(Stream::Out(output)) => output.clone(),
            _ => Output::nothing(),
        }
    }
}
