//! resource-agents
