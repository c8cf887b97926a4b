//! What the app is started with: the platform's edition, or what QA asks for on the command line.

use flex_connect_core::{Edition, Start};

const OF_THE_PLATFORM: Edition = if cfg!(mobile) { Edition::Mobile } else { Edition::Desktop };

/// Phones have no command line.
#[cfg(mobile)]
pub(crate) fn read() -> Result<Start, std::convert::Infallible> {
    Ok(Start { edition: OF_THE_PLATFORM, server: None, username: None })
}

/// Reads `--edition mobile|desktop`, `--server ADDRESS` and `--username NAME`. Other arguments are left alone: systems add
/// their own.
#[cfg(desktop)]
pub(crate) fn read() -> Result<Start, lexopt::Error> {
    read_from(lexopt::Parser::from_env())
}

#[cfg(desktop)]
fn read_from(mut arguments: lexopt::Parser) -> Result<Start, lexopt::Error> {
    use lexopt::{Arg::Long, ValueExt as _};

    let mut start = Start { edition: OF_THE_PLATFORM, server: None, username: None };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("edition") => {
                start.edition = arguments.value()?.parse_with(|edition| match edition {
                    "mobile" => Ok(Edition::Mobile),
                    "desktop" => Ok(Edition::Desktop),
                    _ => Err("mobile or desktop"),
                })?;
            }
            Long("server") => start.server = Some(arguments.value()?.string()?),
            Long("username") => start.username = Some(arguments.value()?.string()?),
            _ => {}
        }
    }
    Ok(start)
}

#[cfg(all(test, desktop))]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Start, lexopt::Error> {
        read_from(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn qa_can_force_either_edition() {
        assert_eq!(read(&["--edition", "mobile"]).unwrap().edition, Edition::Mobile);
        assert_eq!(read(&["--edition=desktop"]).unwrap().edition, Edition::Desktop);
        assert!(read(&["--edition", "watch"]).is_err());
    }

    #[test]
    fn arguments_of_others_are_left_alone() {
        let start = read(&["--automation", "x", "--server", "http://127.0.0.1:1", "--username=anna"]).unwrap();
        assert_eq!(start.server.as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(start.username.as_deref(), Some("anna"));
    }
}
