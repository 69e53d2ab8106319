import styles from "./Switch.module.css";

interface SwitchProps {
  on: boolean;
  /** label names the switch for those who do not see where it stands. */
  label: string;
  disabled?: boolean;
  title?: string | undefined;
  onChange: (on: boolean) => void;
}

/** Switch is on or off. */
export function Switch({ on, label, disabled = false, title, onChange }: SwitchProps) {
  return (
    <button
      type="button"
      role="switch"
      className={styles.switch}
      aria-checked={on}
      aria-label={label}
      disabled={disabled}
      title={title}
      onClick={() => onChange(!on)}
    />
  );
}
