import { useId } from "react";
import styles from "./FormDialog.module.css";

interface TextFieldProps {
  label: string;
  text: string;
  help?: string;
  error?: string | undefined;
  inputMode?: "numeric";
  readOnly?: boolean;
  onChange: (text: string) => void;
}

/** TextField is one line of text with its label, and below it what is wrong or helps. */
export function TextField({ label, text, help, error, inputMode, readOnly, onChange }: TextFieldProps) {
  const id = useId();
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        value={text}
        inputMode={inputMode}
        readOnly={readOnly}
        autoComplete="off"
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-help`}
        onChange={(e) => onChange(e.target.value)}
      />
      <div id={`${id}-help`} className={error ? styles.error : "muted"} role={error ? "alert" : undefined}>
        {error ?? help}
      </div>
    </div>
  );
}

interface ReasonFieldProps {
  help: string;
  reason: string;
  onChange: (reason: string) => void;
}

/** ReasonField asks why, which nobody has to say. */
export function ReasonField({ help, reason, onChange }: ReasonFieldProps) {
  return <TextField label="Reason (optional)" text={reason} help={help} onChange={onChange} />;
}

interface CheckFieldProps {
  label: string;
  help?: string;
  on: boolean;
  disabled?: boolean;
  onChange: (on: boolean) => void;
}

/** CheckField is a choice of yes or no. */
export function CheckField({ label, help, on, disabled = false, onChange }: CheckFieldProps) {
  const id = useId();
  return (
    <div>
      <label className={styles.check}>
        <input
          type="checkbox"
          checked={on}
          disabled={disabled}
          aria-describedby={help ? `${id}-help` : undefined}
          onChange={(e) => onChange(e.target.checked)}
        />
        {label}
      </label>
      {help ? (
        <div id={`${id}-help`} className="muted">
          {help}
        </div>
      ) : null}
    </div>
  );
}

interface SelectFieldProps<Value extends string> {
  label: string;
  value: Value;
  /** options are the values with their texts. */
  options: readonly (readonly [Value, string])[];
  error?: string | undefined;
  onChange: (value: Value) => void;
}

/** SelectField is a choice of one of few. */
export function SelectField<Value extends string>(props: SelectFieldProps<Value>) {
  const { label, value, options, error, onChange } = props;
  const id = useId();
  const choose = (text: string) => {
    const chosen = options.find(([option]) => option === text);
    if (chosen) onChange(chosen[0]);
  };
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-help`}
        onChange={(e) => choose(e.target.value)}
      >
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
      <div id={`${id}-help`} className={styles.error} role={error ? "alert" : undefined}>
        {error}
      </div>
    </div>
  );
}

interface MomentFieldProps {
  label: string;
  help: string;
  error: string | undefined;
  date: string;
  time: string;
  onDate: (date: string) => void;
  onTime: (time: string) => void;
}

/** MomentField is a date and, if somebody needs it, a time of that day. */
export function MomentField({ label, help, error, date, time, onDate, onTime }: MomentFieldProps) {
  const id = useId();
  const common = { "aria-invalid": error !== undefined, "aria-describedby": `${id}-help` };
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      <div className={styles.pair}>
        <input id={id} type="date" value={date} {...common} onChange={(e) => onDate(e.target.value)} />
        <input
          type="time"
          value={time}
          {...common}
          aria-label={`${label}, time of day (optional)`}
          onChange={(e) => onTime(e.target.value)}
        />
      </div>
      <div id={`${id}-help`} className={error ? styles.error : "muted"} role={error ? "alert" : undefined}>
        {error ?? help}
      </div>
    </div>
  );
}
