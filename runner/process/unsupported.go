//go:build !linux && !darwin

package process

// On other systems the compiler stops here and prints the reason.
const _ int = "Mini Airflow runs tasks on Linux and macOS; on Windows, build it inside WSL"
