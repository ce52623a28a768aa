//! Which signal an image wants to be asked by.

use rustix_namespaces::process::Signal;

/// The signal that `text` names: `SIGTERM`, `TERM` or `15`. An image's word, so that anything else, and a signal that
/// does not ask, means `SIGTERM`.
pub(crate) fn stop_signal(text: Option<&str>) -> Signal {
    let named = |text: &str| {
        let upper = text.trim().to_ascii_uppercase();
        let signal = match upper.strip_prefix("SIG").unwrap_or(&upper) {
            "HUP" => Signal::Hup,
            "INT" => Signal::Int,
            "QUIT" => Signal::Quit,
            "USR1" => Signal::Usr1,
            "USR2" => Signal::Usr2,
            "WINCH" => Signal::Winch,
            "KILL" => Signal::Kill,
            "TERM" => Signal::Term,
            number => Signal::from_raw(number.parse().ok()?)?,
        };
        (!matches!(signal, Signal::Stop | Signal::Tstp | Signal::Cont)).then_some(signal)
    };
    text.and_then(named).unwrap_or(Signal::Term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_names_its_signal_in_three_ways() {
        for text in ["SIGQUIT", "quit", " 3 "] {
            assert_eq!(stop_signal(Some(text)), Signal::Quit, "{text}");
        }
        for text in [
            None,
            Some("SIGRTMIN+3"),
            Some("-1"),
            Some("SIGSTOP"),
            Some("19"),
            Some(""),
        ] {
            assert_eq!(stop_signal(text), Signal::Term, "{text:?}");
        }
    }
}
