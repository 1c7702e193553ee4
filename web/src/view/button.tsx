import { Icon, type IconName } from './icon';

interface Props {
  icon: IconName;
  label: string; // what it does, for all who cannot see the icon
  onClick: () => void;
  disabled?: boolean;
  pressed?: boolean;
  keys?: string; // a shortcut, as it is shown
}

export const IconButton = ({ icon, label, onClick, disabled, pressed, keys }: Props) => (
  <button
    type="button"
    class="icon-button"
    aria-label={label}
    aria-pressed={pressed}
    title={keys ? `${label} (${keys})` : label}
    disabled={disabled}
    onClick={onClick}
  >
    <Icon name={icon} />
  </button>
);
