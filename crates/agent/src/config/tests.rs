//! Claims about configurations as operators meet them.
