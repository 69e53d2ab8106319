// Package dialect holds what the stores of both databases share and no
// database knows: the reading of migration files, JSON values, the cache of
// DAGs, and the plan of what the ends of task runs mean for their run.
package dialect
