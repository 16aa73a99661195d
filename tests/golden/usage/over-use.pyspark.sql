WITH `t15` AS (
  SELECT
    `t7`.`key`,
    `t8`.`at`,
    `t8`.`period`,
    (
      `t7`.`key` * 3
    ) + `t8`.`position` + 1 AS `cell`
  FROM `passed_in_1` AS `t7`
  CROSS JOIN `passed_in_2` AS `t8`
), `t36` AS (
  SELECT
    `t35`.`key`,
    `t35`.`since`,
    MAX(`t35`.`until`) OVER (
      PARTITION BY `t35`.`key`, `t35`.`seat`
      ORDER BY `t35`.`since` ASC NULLS LAST, `t35`.`until` ASC NULLS LAST
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS `before`,
    MAX(`t35`.`until`) OVER (
      PARTITION BY `t35`.`key`, `t35`.`seat`
      ORDER BY `t35`.`since` ASC NULLS LAST, `t35`.`until` ASC NULLS LAST
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS `latest`,
    LEAD(`t35`.`since`) OVER (
      PARTITION BY `t35`.`key`, `t35`.`seat`
      ORDER BY `t35`.`since` ASC NULLS LAST, `t35`.`until` ASC NULLS LAST
    ) AS `following`
  FROM (
    SELECT
      *
    FROM (
      SELECT
        (
          `t33`.`number` * 1
        ) + `t33`.`key` AS `key`,
        `t33`.`seat`,
        GREATEST(`t33`.`login`, 1788220800) AS `since`,
        LEAST(COALESCE(`t33`.`logout`, 8589934592), 1788228000) AS `until`
      FROM (
        SELECT
          `t32`.`tenant`,
          `t32`.`agent`,
          `t32`.`place`,
          `t32`.`seat`,
          `t32`.`login`,
          `t32`.`logout`,
          `t32`.`number`,
          `t12`.`key`
        FROM (
          SELECT
            `t30`.`tenant`,
            `t30`.`agent`,
            `t30`.`place`,
            CASE
              WHEN `t30`.`place` <> ''
              THEN CONCAT('place ', `t30`.`place`)
              WHEN `t30`.`dn` <> ''
              THEN CONCAT('DN ', `t30`.`dn`)
              WHEN `t30`.`agent` <> ''
              THEN CONCAT('agent ', `t30`.`agent`)
              ELSE CONCAT('session ', `t30`.`session_id`)
            END AS `seat`,
            `t30`.`login`,
            `t30`.`logout`,
            0 AS `number`
          FROM (
            SELECT
              `t9`.`source`,
              `t9`.`session_id`,
              `t9`.`tenant`,
              `t9`.`agent`,
              `t9`.`place`,
              `t9`.`dn`,
              `t9`.`switch_kind`,
              `t9`.`media`,
              `t9`.`client`,
              `t9`.`queues`,
              `t9`.`login`,
              COALESCE(`t9`.`logout`, `t29`.`last`) AS `logout`,
              `t9`.`estimated` OR (
                `t29`.`last` IS NOT NULL
              ) AS `estimated`
            FROM `sessions` AS `t9`
            LEFT OUTER JOIN (
              SELECT
                `t27`.`fact`,
                `t27`.`last`
              FROM (
                SELECT
                  `t26`.`fact`,
                  MAX(`t26`.`ended`) AS `last`,
                  COUNT(*) AS `sources`,
                  COUNT(`t26`.`ended`) AS `dead`
                FROM (
                  SELECT
                    `t24`.`fact`,
                    `t24`.`observer`,
                    MIN(`t24`.`ended`) AS `ended`
                  FROM (
                    SELECT
                      `t21`.`fact`,
                      `t21`.`observer`,
                      `t14`.`ended`
                    FROM (
                      SELECT
                        *
                      FROM (
                        SELECT
                          `t13`.`session_id` AS `fact`,
                          `t13`.`login` AS `begins`,
                          EXPLODE(SPLIT(`t13`.`source`, '[|]')) AS `observer`
                        FROM (
                          SELECT
                            *
                          FROM `sessions` AS `t4`
                          WHERE
                            `t4`.`logout` IS NULL
                        ) AS `t13`
                      ) AS `t17`
                      WHERE
                        `t17`.`observer` <> ''
                    ) AS `t21`
                    LEFT OUTER JOIN (
                      SELECT
                        `t5`.`source` AS `observer`,
                        `t5`.`ended`
                      FROM `ends` AS `t5`
                    ) AS `t14`
                      ON `t21`.`observer` = `t14`.`observer` AND `t14`.`ended` >= `t21`.`begins`
                  ) AS `t24`
                  GROUP BY
                    1,
                    2
                ) AS `t26`
                GROUP BY
                  1
              ) AS `t27`
              WHERE
                `t27`.`sources` = `t27`.`dead`
            ) AS `t29`
              ON `t9`.`session_id` = `t29`.`fact`
          ) AS `t30`
          WHERE
            CONTAINS(`t30`.`media`, '|email|')
        ) AS `t32`
        INNER JOIN (
          SELECT
            `t3`.`key`,
            `t3`.`tenant`
          FROM `passed_in_3` AS `t3`
        ) AS `t12`
          ON `t32`.`tenant` = `t12`.`tenant`
      ) AS `t33`
    ) AS `t34`
    WHERE
      `t34`.`since` < `t34`.`until`
  ) AS `t35`
)
SELECT
  `t48`.`key`,
  `t48`.`period`,
  SUM(`t48`.`seconds`) AS `seconds`
FROM (
  SELECT
    *
  FROM (
    SELECT
      `t46`.`event`,
      `t46`.`moment`,
      `t46`.`cell`,
      `t46`.`seats`,
      `t46`.`seconds`,
      `t25`.`key`,
      `t25`.`period`,
      `t25`.`limit`
    FROM (
      SELECT
        `t44`.`event`,
        `t44`.`moment`,
        `t44`.`cell`,
        `t44`.`seats`,
        `t44`.`moment` - LAG(`t44`.`moment`) OVER (
          ORDER BY `t44`.`event` ASC NULLS LAST, IF((
            `t44`.`event` & 3
          ) = 0, -(
            `t44`.`seats`
          ), `t44`.`seats`) ASC NULLS LAST
        ) AS `seconds`
      FROM (
        SELECT
          `t43`.`event`,
          (
            SHIFTRIGHT(`t43`.`event`, 2)
          ) & 17179869183 AS `moment`,
          SHIFTRIGHT(`t43`.`before`, 32) AS `cell`,
          `t43`.`before` & 4294967295 AS `seats`
        FROM (
          SELECT
            `t42`.`event`,
            `t42`.`change`,
            SUM(`t42`.`change`) OVER (
              ORDER BY `t42`.`event` ASC NULLS LAST
              ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) - `t42`.`change` AS `before`
          FROM (
            SELECT
              `t41`.`event`,
              CASE
                WHEN (
                  `t41`.`event` & 3
                ) = 2
                THEN 1
                WHEN (
                  `t41`.`event` & 3
                ) = 0
                THEN -1
                ELSE 4294967296
              END AS `change`
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      `t37`.`key` * 68719476736
                    ) + (
                      (
                        `t37`.`since` - 1788220800
                      ) * 4
                    ) + 2 AS `event`
                  FROM `t36` AS `t37`
                  WHERE
                    (
                      `t37`.`before` IS NULL
                    ) OR (
                      `t37`.`since` > `t37`.`before`
                    )
                ) AS `t38`
                UNION ALL
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      `t37`.`key` * 68719476736
                    ) + (
                      (
                        `t37`.`latest` - 1788220800
                      ) * 4
                    ) + 0 AS `event`
                  FROM `t36` AS `t37`
                  WHERE
                    (
                      `t37`.`following` IS NULL
                    ) OR (
                      `t37`.`following` > `t37`.`latest`
                    )
                ) AS `t39`
              ) AS `t40`
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  (
                    `t16`.`key` * 68719476736
                  ) + (
                    (
                      `t16`.`at` - 1788220800
                    ) * 4
                  ) + 1 AS `event`
                FROM `t15` AS `t16`
              ) AS `t22`
            ) AS `t41`
          ) AS `t42`
        ) AS `t43`
      ) AS `t44`
    ) AS `t46`
    INNER JOIN (
      SELECT
        `t20`.`cell`,
        `t20`.`key`,
        `t20`.`period`,
        `t6`.`limit`
      FROM (
        SELECT
          *
        FROM `t15` AS `t16`
        WHERE
          `t16`.`period` >= 0
      ) AS `t20`
      INNER JOIN `passed_in_4` AS `t6`
        ON `t20`.`key` = `t6`.`key` AND `t20`.`period` = `t6`.`period`
    ) AS `t25`
      ON `t46`.`cell` = `t25`.`cell`
  ) AS `t47`
  WHERE
    `t47`.`seats` > `t47`.`limit` AND `t47`.`seconds` > 0
) AS `t48`
GROUP BY
  1,
  2
