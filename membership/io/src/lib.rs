//! membership/io
