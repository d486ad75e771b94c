//! The exit codes in words. The exit code of a run is decided by its command, not here.

/// The exit codes, for the help and the README.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done, nothing to do, current
  1  error; after a run that ended well: its result could not be written
  2  there are changes, or what differs is left (--detailed-exitcode, --fail-on, diff)
  3  stale: the engine is not as it was when the plan was made; nothing was changed but images
  4  refused: integrity, approval, policy, --deny
  5  failed, or stale on the way, and what failed is taken back
  6  locked by another apply
  7  not as declared in the end; `bayplan recover` brings back what is half done
  8  the engine cannot be reached
  64  usage
  129, 130, 131, 143  interrupted, and every change is done or taken back";
