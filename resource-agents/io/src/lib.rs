//! resource-agents/io
